import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Checkbox, DatePicker, Form, Input, Popconfirm, Select } from 'antd'
import dayjs, { type Dayjs } from 'dayjs'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useList } from '../../api/lists.ts'
import { useCan } from '../../api/session.tsx'
import { Dialog } from '../../forms/Dialog.tsx'
import { FormDialog } from '../../forms/FormDialog.tsx'
import type { Column } from '../../table/columns.ts'
import { Table } from '../../table/Table.tsx'
import { Action } from '../../ui/Action.tsx'
import { Copy } from '../../ui/Copy.tsx'
import { PageHead } from '../../ui/PageHead.tsx'
import { Empty } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'

type Token = Schemas['Token']

/** Permissions a program may be given. */
const permissions = [
  'ingest',
  'event:read',
  'event:export',
  'incident:read',
  'incident:write',
  'detection:read',
  'rule:read',
  'rule:draft',
  'rule:write',
  'exception:write',
  'notification:read',
  'notification:write',
  'import:write',
  'packet:read',
  'source:read',
  'source:write',
  'unit:read',
  'user:read',
  'health:read',
  'audit:read',
] as const

interface TokenValues {
  name: string
  permissions: (typeof permissions)[number][]
  unitId?: number
  expiresAt: Dayjs
}

export default function TokensPage() {
  const { t } = useTranslation()
  const can = useCan()
  const queries = useQueryClient()
  const [creating, setCreating] = useState(false)
  const [created, setCreated] = useState<Schemas['TokenCreated'] | null>(null)
  const list = useList<Token>(['tokens'], (after) =>
    answer(api.GET('/api/v1/tokens', { params: { query: { after, limit: 200 } } })),
  )
  const units = useQuery({ queryKey: ['units'], queryFn: () => answer(api.GET('/api/v1/units')), staleTime: 60_000 })
  const refresh = () => queries.invalidateQueries({ queryKey: ['tokens'] })
  const create = useMutation({
    mutationFn: (values: TokenValues) =>
      answer(
        api.POST('/api/v1/tokens', {
          body: {
            name: values.name,
            permissions: values.permissions,
            unitId: values.unitId,
            expiresAt: values.expiresAt.toISOString(),
          },
        }),
      ),
    onSuccess: async (result) => {
      setCreating(false)
      setCreated(result)
      await refresh()
    },
  })
  const { mutate: revoke } = useMutation({
    mutationFn: (id: string) => answer(api.DELETE('/api/v1/tokens/{id}', { params: { path: { id } } })),
    onSuccess: refresh,
  })
  const reason = can('token:write')
  const columns = useMemo<Column<Token>[]>(
    () => [
      { key: 'state', title: t('exception.state'), width: 90, render: (row) => <TokenState token={row} /> },
      {
        key: 'name',
        title: t('token.name'),
        width: 180,
        grow: true,
        render: (row) => <span className="strong">{row.name}</span>,
      },
      { key: 'hint', title: t('token.hint'), width: 90, render: (row) => <code>…{row.hint}</code> },
      {
        key: 'permissions',
        title: t('token.permissions'),
        width: 260,
        render: (row) => (
          <span className="mono" title={row.permissions.join('\n')}>
            {row.permissions.join(' ')}
          </span>
        ),
      },
      { key: 'owner', title: t('token.owner'), width: 110, render: (row) => row.ownerName ?? '—' },
      { key: 'created', title: t('incident.created'), width: 130, render: (row) => <Time value={row.createdAt} /> },
      {
        key: 'used',
        title: t('token.used'),
        width: 120,
        render: (row) => <Time value={row.lastUsedAt} as="ago" empty={t('rule.never')} />,
      },
      {
        key: 'expires',
        title: t('exception.expires'),
        width: 130,
        render: (row) => <Time value={row.expiresAt} empty={t('indicator.forever')} />,
      },
      {
        key: 'act',
        title: '',
        width: 80,
        render: (row) =>
          row.revokedAt ? null : (
            <Popconfirm
              title={t('token.revokeSure', { name: row.name })}
              okText={t('token.revoke')}
              cancelText={t('actions.cancel')}
              disabled={reason !== undefined}
              onConfirm={() => revoke(row.id)}
            >
              <button type="button" className="plain bad" disabled={reason !== undefined} title={reason}>
                {t('token.revoke')}
              </button>
            </Popconfirm>
          ),
      },
    ],
    [t, reason, revoke],
  )
  return (
    <div className="page fill">
      <PageHead title={t('pages.tokens')} hint={t('token.pageHint')}>
        <Action primary reason={reason} onClick={() => setCreating(true)} testId="new-token">
          {t('token.new')}
        </Action>
      </PageHead>
      <Table
        {...list}
        id="tokens"
        label={t('pages.tokens')}
        columns={columns}
        rowKey={(row) => row.id}
        empty={
          <Empty
            title={t('token.none')}
            action={
              <Action primary reason={reason} onClick={() => setCreating(true)}>
                {t('token.new')}
              </Action>
            }
          >
            {t('token.noneHint')}
          </Empty>
        }
      />
      {creating ? (
        <FormDialog<TokenValues>
          title={t('token.new')}
          initial={{ permissions: ['ingest'], expiresAt: dayjs().add(180, 'day') }}
          busy={create.isPending}
          onCancel={() => setCreating(false)}
          onFinish={(values) => create.mutate(values)}
        >
          <Form.Item name="name" label={t('token.name')} rules={[{ required: true, max: 100, whitespace: true }]}>
            <Input autoFocus placeholder={t('token.nameHint')} />
          </Form.Item>
          <Form.Item name="permissions" label={t('token.permissions')} rules={[{ required: true }]}>
            <Checkbox.Group
              style={{ display: 'grid', gridTemplateColumns: 'repeat(3, 1fr)', gap: 4 }}
              options={permissions.map((value) => ({ value, label: <code>{value}</code> }))}
            />
          </Form.Item>
          <Form.Item name="unitId" label={t('source.unit')}>
            <Select
              allowClear
              placeholder={t('token.ownUnit')}
              options={units.data?.items.map(({ id, name }) => ({ value: id, label: name }))}
            />
          </Form.Item>
          <Form.Item name="expiresAt" label={t('exception.expires')} rules={[{ required: true }]}>
            <DatePicker allowClear={false} />
          </Form.Item>
        </FormDialog>
      ) : null}
      {created ? (
        <Dialog title={t('token.created', { name: created.token.name })} width={640} onCancel={() => setCreated(null)}>
          <p>{t('token.createdHint')}</p>
          <p className="row" style={{ margin: '12px 0' }}>
            <code style={{ wordBreak: 'break-all', userSelect: 'all' }} data-testid="token-secret">
              {created.secret}
            </code>{' '}
            <Copy text={created.secret} />
          </p>
        </Dialog>
      ) : null}
    </div>
  )
}

function TokenState({ token }: { token: Token }) {
  const { t } = useTranslation()
  if (token.revokedAt) return <span className="faint">○ {t('token.revoked')}</span>
  if (token.expiresAt && Date.parse(token.expiresAt) < Date.now())
    return <span className="faint">○ {t('exception.ended')}</span>
  return <span className="good">● {t('exception.active')}</span>
}
