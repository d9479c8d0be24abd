import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { DatePicker, Form, Input, Popconfirm, Select } from 'antd'
import type { Dayjs } from 'dayjs'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useList } from '../../api/lists.ts'
import { useCan } from '../../api/session.tsx'
import { FormDialog } from '../../forms/FormDialog.tsx'
import { ImportDialog } from '../../forms/ImportDialog.tsx'
import { guessIndicatorType, type IndicatorType, parseRecords } from '../../forms/lines.ts'
import type { Column } from '../../table/columns.ts'
import { Table } from '../../table/Table.tsx'
import { Action } from '../../ui/Action.tsx'
import { Filter, FilterText } from '../../ui/Filter.tsx'
import { PageHead } from '../../ui/PageHead.tsx'
import { quoteValue } from '../../ui/query.ts'
import { Severity, severities } from '../../ui/Severity.tsx'
import { Empty } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { toast } from '../../ui/toast.tsx'
import { useUrl } from '../../ui/useUrl.ts'
import { Value } from '../../ui/Value.tsx'

type Indicator = Schemas['Indicator']

const types: IndicatorType[] = ['ip', 'cidr', 'domain', 'url', 'sha256', 'sha1', 'md5', 'email']
const fieldOfType: Record<IndicatorType, string> = {
  ip: 'source.ip',
  cidr: 'source.ip',
  domain: 'dns.question.name',
  url: 'url.full',
  sha256: 'file.hash.sha256',
  sha1: 'file.hash.sha1',
  md5: 'file.hash.md5',
  email: 'email.from.address',
}

interface NewIndicator {
  type?: IndicatorType
  value: string
  severity: Schemas['Severity']
  description?: string
  expiresAt?: Dayjs
}

export default function IndicatorsPage() {
  const { t } = useTranslation()
  const [url, setUrl] = useUrl()
  const can = useCan()
  const queries = useQueryClient()
  const [creating, setCreating] = useState(false)
  const [importing, setImporting] = useState(false)
  const filters = { text: url.text, type: url.type }
  const list = useList<Indicator>(['indicators', filters], (after) =>
    answer(api.GET('/api/v1/indicators', { params: { query: { ...filters, after, limit: 200 } as never } })),
  )
  const refresh = () => queries.invalidateQueries({ queryKey: ['indicators'] })
  const create = useMutation({
    mutationFn: (values: NewIndicator) =>
      answer(
        api.POST('/api/v1/indicators', {
          body: {
            type: values.type ?? guessIndicatorType(values.value.trim()) ?? 'domain',
            value: values.value.trim(),
            severity: values.severity,
            description: values.description ?? '',
            origin: 'manual',
            expiresAt: values.expiresAt?.toISOString() ?? null,
          },
        }),
      ),
    onSuccess: async () => {
      setCreating(false)
      await refresh()
      toast(t('states.saved'))
    },
  })
  const remove = useMutation({
    mutationFn: (id: number) => answer(api.DELETE('/api/v1/indicators/{id}', { params: { path: { id } } })),
    onSuccess: refresh,
  })
  const reason = can('rule:write')
  const { mutate: removeIndicator } = remove
  const columns = useMemo<Column<Indicator>[]>(
    () => [
      { key: 'type', title: t('indicator.type'), width: 90, render: (row) => t(`indicator.types.${row.type}`) },
      {
        key: 'value',
        title: t('indicator.value'),
        width: 270,
        grow: true,
        render: (row) => <Value field={fieldOfType[row.type]} value={row.value} className="mono" />,
      },
      {
        key: 'severity',
        title: t('incident.severity'),
        width: 110,
        render: (row) => <Severity value={row.severity} />,
      },
      {
        key: 'state',
        title: t('exception.state'),
        width: 84,
        render: (row) =>
          row.active ? (
            <span className="good">● {t('exception.active')}</span>
          ) : (
            <span className="faint">○ {t('exception.ended')}</span>
          ),
      },
      { key: 'description', title: t('indicator.description'), width: 240, render: (row) => row.description || '—' },
      { key: 'origin', title: t('indicator.origin'), width: 120, render: (row) => row.origin },
      {
        key: 'expires',
        title: t('exception.expires'),
        width: 132,
        render: (row) => <Time value={row.expiresAt} empty={t('indicator.forever')} />,
      },
      {
        key: 'act',
        title: '',
        width: 150,
        render: (row) => (
          <span className="row">
            <Link to="/search" search={{ query: quoteValue(row.value), from: 'now-180d' } as never}>
              {t('indicator.lookBack')}
            </Link>
            <Popconfirm
              title={t('indicator.removeSure')}
              okText={t('actions.remove')}
              cancelText={t('actions.cancel')}
              disabled={reason !== undefined}
              onConfirm={() => removeIndicator(row.id)}
            >
              <button type="button" className="plain faint" disabled={reason !== undefined} title={reason}>
                {t('actions.remove')}
              </button>
            </Popconfirm>
          </span>
        ),
      },
    ],
    [t, reason, removeIndicator],
  )
  const send = async (text: string) => {
    const isTable = text.trimStart().startsWith('{') || /^\s*[^\n]*\bvalue\b/i.test(text.split('\n', 1)[0] ?? '')
    const rows = isTable
      ? parseRecords(text)
      : text.split(/\r?\n/).map((line) => ({ value: line.replace(/#.*$/, '').trim() }) as Record<string, unknown>)
    const items = rows.flatMap((row) => {
      const value = String(row.value ?? '').trim()
      const type = (row.type as IndicatorType | undefined) || guessIndicatorType(value)
      return value === '' || type === undefined
        ? []
        : [
            {
              type,
              value,
              severity: (row.severity as Schemas['Severity']) || 'high',
              description: String(row.description ?? ''),
              origin: String(row.origin ?? 'import'),
              expiresAt: (row.expiresAt as string) || null,
            },
          ]
    })
    const result = await answer(api.POST('/api/v1/indicators/import', { body: { items } }))
    await refresh()
    return result
  }
  return (
    <div className="page fill">
      <PageHead title={t('pages.indicators')}>
        <FilterText value={url.text} placeholder={t('indicator.filterText')} onChange={(text) => setUrl({ text })} />
        <Filter
          label={t('indicator.type')}
          single
          value={url.type}
          allLabel={t('filter.all')}
          options={types.map((value) => ({ value, label: t(`indicator.types.${value}`) }))}
          onChange={(type) => setUrl({ type })}
        />
        <Action reason={reason} onClick={() => setImporting(true)}>
          {t('actions.import')}
        </Action>
        <Action primary reason={reason} onClick={() => setCreating(true)}>
          {t('indicator.new')}
        </Action>
      </PageHead>
      <Table
        {...list}
        id="indicators"
        label={t('pages.indicators')}
        columns={columns}
        rowKey={(row) => String(row.id)}
        empty={
          <Empty
            title={t('indicator.none')}
            action={
              <Action primary reason={reason} onClick={() => setImporting(true)}>
                {t('actions.import')}
              </Action>
            }
          >
            {t('indicator.noneHint')}
          </Empty>
        }
      />
      {creating ? (
        <FormDialog<NewIndicator>
          title={t('indicator.new')}
          initial={{ severity: 'high' }}
          busy={create.isPending}
          onCancel={() => setCreating(false)}
          onFinish={(values) => create.mutate(values)}
        >
          <Form.Item name="value" label={t('indicator.value')} rules={[{ required: true, max: 2048 }]}>
            <Input autoFocus className="mono" />
          </Form.Item>
          <Form.Item name="type" label={t('indicator.type')}>
            <Select
              allowClear
              placeholder={t('indicator.guess')}
              options={types.map((value) => ({ value, label: t(`indicator.types.${value}`) }))}
            />
          </Form.Item>
          <Form.Item name="severity" label={t('incident.severity')}>
            <Select options={severities.map((value) => ({ value, label: t(`severity.${value}`) }))} />
          </Form.Item>
          <Form.Item name="description" label={t('indicator.description')}>
            <Input.TextArea rows={2} maxLength={2000} />
          </Form.Item>
          <Form.Item name="expiresAt" label={t('exception.expires')}>
            <DatePicker />
          </Form.Item>
        </FormDialog>
      ) : null}
      {importing ? (
        <ImportDialog
          title={t('indicator.import')}
          hint={t('indicator.importHint')}
          send={send}
          onClose={() => setImporting(false)}
        />
      ) : null}
    </div>
  )
}
