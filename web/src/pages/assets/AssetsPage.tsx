import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { AutoComplete, Form, Input, Popconfirm, Select } from 'antd'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useList } from '../../api/lists.ts'
import { useCan } from '../../api/session.tsx'
import { ifMatch, sendChange, tookTheirs } from '../../forms/conflict.ts'
import { FormDialog } from '../../forms/FormDialog.tsx'
import { ImportDialog } from '../../forms/ImportDialog.tsx'
import { parseRecords } from '../../forms/lines.ts'
import type { Column } from '../../table/columns.ts'
import { Table } from '../../table/Table.tsx'
import { Action } from '../../ui/Action.tsx'
import { FilterText } from '../../ui/Filter.tsx'
import { PageHead } from '../../ui/PageHead.tsx'
import { Empty } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { toast } from '../../ui/toast.tsx'
import { useUrl } from '../../ui/useUrl.ts'
import { Value } from '../../ui/Value.tsx'

type Asset = Schemas['Asset']

/** Kinds that have words here; any other is shown as it was given. */
const kinds = ['server', 'workstation', 'firewall', 'network', 'database', 'storage', 'camera', 'printer'] as const
const isKind = (kind: string): kind is (typeof kinds)[number] => (kinds as readonly string[]).includes(kind)

const criticalities = ['low', 'medium', 'high', 'critical'] as const

interface AssetValues {
  name: string
  kind: string
  addresses: string[]
  hostNames: string[]
  criticality: Asset['criticality']
  owner?: string
  unitId?: number
  tags: string[]
}

export default function AssetsPage() {
  const { t } = useTranslation()
  const [url, setUrl] = useUrl()
  const can = useCan()
  const queries = useQueryClient()
  const [editing, setEditing] = useState<Asset | 'new' | null>(null)
  const [importing, setImporting] = useState(false)
  const list = useList<Asset>(['assets', url.text], (after) =>
    answer(api.GET('/api/v1/assets', { params: { query: { text: url.text, after, limit: 200 } } })),
  )
  const units = useQuery({ queryKey: ['units'], queryFn: () => answer(api.GET('/api/v1/units')), staleTime: 60_000 })
  const refresh = () => queries.invalidateQueries({ queryKey: ['assets'] })
  const save = useMutation({
    mutationFn: (values: AssetValues) => {
      const body = { ...values, owner: values.owner?.trim() || null }
      return editing === 'new' || editing === null
        ? answer(api.POST('/api/v1/assets', { body }))
        : sendChange(editing.version, (version) =>
            answer(
              api.PATCH('/api/v1/assets/{id}', {
                params: { path: { id: editing.id }, header: ifMatch(version) },
                body,
              }),
            ),
          )
    },
    onSuccess: async () => {
      setEditing(null)
      await refresh()
      toast(t('states.saved'))
    },
    onError: (error) => tookTheirs(error) && setEditing(null),
  })
  const { mutate: remove } = useMutation({
    mutationFn: ({ id, version }: Asset) =>
      sendChange(version, (seen) =>
        answer(api.DELETE('/api/v1/assets/{id}', { params: { path: { id }, header: ifMatch(seen) } })),
      ),
    onSuccess: refresh,
  })
  const reason = can('source:write')
  const mayReadIncidents = can('incident:read') === undefined
  const unitName = useMemo(() => new Map(units.data?.items.map(({ id, name }) => [id, name])), [units.data])
  const columns = useMemo<Column<Asset>[]>(
    () => [
      {
        key: 'name',
        title: t('asset.name'),
        width: 200,
        grow: true,
        render: (row) => <span className="strong">{row.name}</span>,
      },
      {
        key: 'kind',
        title: t('asset.kind'),
        width: 110,
        render: (row) => (isKind(row.kind) ? t(`asset.kinds.${row.kind}`) : row.kind),
      },
      {
        key: 'criticality',
        title: t('asset.criticality'),
        width: 84,
        render: (row) => t(`asset.criticalities.${row.criticality}`),
      },
      {
        key: 'addresses',
        title: t('asset.addresses'),
        width: 190,
        render: (row) =>
          row.addresses.map((address, index) => (
            <span key={address}>
              {index > 0 ? ', ' : ''}
              <Value field="host.ip" value={address} className="mono" />
            </span>
          )),
      },
      {
        key: 'hostNames',
        title: t('asset.hostNames'),
        width: 180,
        render: (row) =>
          row.hostNames.map((name, index) => (
            <span key={name}>
              {index > 0 ? ', ' : ''}
              <Value field="host.name" value={name} className="mono" />
            </span>
          )),
      },
      { key: 'unit', title: t('source.unit'), width: 140, render: (row) => unitName.get(row.unitId) ?? row.unitPath },
      { key: 'owner', title: t('asset.owner'), width: 100, render: (row) => row.owner ?? '—' },
      { key: 'tags', title: t('asset.tags'), width: 120, hidden: true, render: (row) => row.tags.join(', ') },
      {
        key: 'updated',
        title: t('asset.updated'),
        width: 130,
        hidden: true,
        render: (row) => <Time value={row.updatedAt} />,
      },
      {
        key: 'act',
        title: '',
        width: 190,
        render: (row) => (
          <span className="row">
            {mayReadIncidents ? (
              <Link to="/incidents" search={{ entity: row.hostNames[0] ?? row.addresses[0], status: 'all' } as never}>
                {t('asset.openIncidents')}
              </Link>
            ) : null}
            <button
              type="button"
              className="plain faint"
              disabled={reason !== undefined}
              title={reason}
              data-testid="asset-edit"
              onClick={() => setEditing(row)}
            >
              {t('actions.edit')}
            </button>
            <Popconfirm
              title={t('asset.removeSure', { name: row.name })}
              okText={t('actions.remove')}
              cancelText={t('actions.cancel')}
              disabled={reason !== undefined}
              onConfirm={() => remove(row)}
            >
              <button type="button" className="plain faint" disabled={reason !== undefined} title={reason}>
                {t('actions.remove')}
              </button>
            </Popconfirm>
          </span>
        ),
      },
    ],
    [t, reason, mayReadIncidents, unitName, remove],
  )
  const send = async (text: string) => {
    const body = /^[\uFEFF\s]*\{/.test(text) ? { items: parseRecords(text) } : { csv: text }
    const result = await answer(api.POST('/api/v1/assets/import', { body }))
    await refresh()
    return result
  }
  const initial: AssetValues =
    editing === 'new' || editing === null
      ? { name: '', kind: 'server', addresses: [], hostNames: [], criticality: 'medium', tags: [] }
      : {
          name: editing.name,
          kind: editing.kind,
          addresses: editing.addresses,
          hostNames: editing.hostNames,
          criticality: editing.criticality,
          owner: editing.owner ?? undefined,
          unitId: editing.unitId,
          tags: editing.tags,
        }
  return (
    <div className="page fill">
      <PageHead title={t('pages.assets')}>
        <FilterText value={url.text} placeholder={t('asset.filterText')} onChange={(text) => setUrl({ text })} />
        <Action reason={reason} onClick={() => setImporting(true)} testId="import-assets">
          {t('actions.import')}
        </Action>
        <Action primary reason={reason} onClick={() => setEditing('new')} testId="new-asset">
          {t('asset.new')}
        </Action>
      </PageHead>
      <Table
        {...list}
        id="assets"
        label={t('pages.assets')}
        columns={columns}
        rowKey={(row) => String(row.id)}
        empty={
          <Empty
            title={t('asset.none')}
            action={
              <Action primary reason={reason} onClick={() => setImporting(true)}>
                {t('actions.import')}
              </Action>
            }
          >
            {t('asset.noneHint')}
          </Empty>
        }
      />
      {editing ? (
        <FormDialog<AssetValues>
          title={editing === 'new' ? t('asset.new') : editing.name}
          initial={initial}
          busy={save.isPending}
          onCancel={() => setEditing(null)}
          onFinish={(values) => save.mutate(values)}
        >
          <Form.Item name="name" label={t('asset.name')} rules={[{ required: true, max: 200, whitespace: true }]}>
            <Input autoFocus />
          </Form.Item>
          <Form.Item name="kind" label={t('asset.kind')} rules={[{ required: true, max: 50 }]}>
            <AutoComplete
              options={kinds.map((value) => ({ value, label: `${value} · ${t(`asset.kinds.${value}`)}` }))}
            />
          </Form.Item>
          <Form.Item name="addresses" label={t('asset.addresses')} extra={t('asset.addressesHint')}>
            <Select mode="tags" open={false} suffixIcon={null} tokenSeparators={[',', ' ', ';']} />
          </Form.Item>
          <Form.Item name="hostNames" label={t('asset.hostNames')}>
            <Select mode="tags" open={false} suffixIcon={null} tokenSeparators={[',', ' ', ';']} />
          </Form.Item>
          <Form.Item name="criticality" label={t('asset.criticality')}>
            <Select options={criticalities.map((value) => ({ value, label: t(`asset.criticalities.${value}`) }))} />
          </Form.Item>
          <Form.Item name="owner" label={t('asset.owner')}>
            <Input maxLength={200} />
          </Form.Item>
          <Form.Item name="unitId" label={t('source.unit')}>
            <Select
              allowClear
              showSearch
              optionFilterProp="label"
              options={units.data?.items.map((unit) => ({ value: unit.id, label: unit.name }))}
            />
          </Form.Item>
          <Form.Item name="tags" label={t('asset.tags')}>
            <Select mode="tags" open={false} suffixIcon={null} tokenSeparators={[',']} />
          </Form.Item>
        </FormDialog>
      ) : null}
      {importing ? (
        <ImportDialog
          title={t('asset.import')}
          hint={t('asset.importHint')}
          send={send}
          onClose={() => setImporting(false)}
        />
      ) : null}
    </div>
  )
}
