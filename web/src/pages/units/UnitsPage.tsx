import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Form, Input, Popconfirm, Select, Tree, type TreeDataNode } from 'antd'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useList } from '../../api/lists.ts'
import { useCan, useMe } from '../../api/session.tsx'
import { ifMatch, sendChange, tookTheirs } from '../../forms/conflict.ts'
import { Dialog } from '../../forms/Dialog.tsx'
import { FormDialog } from '../../forms/FormDialog.tsx'
import type { Column } from '../../table/columns.ts'
import { Table } from '../../table/Table.tsx'
import { Action } from '../../ui/Action.tsx'
import { Copy } from '../../ui/Copy.tsx'
import { FilterText } from '../../ui/Filter.tsx'
import { PageHead } from '../../ui/PageHead.tsx'
import { Empty, Problem, Skeleton } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { toast } from '../../ui/toast.tsx'
import { useUrl } from '../../ui/useUrl.ts'

type Unit = Schemas['Unit']
type User = Schemas['User']

const kinds = ['province', 'city', 'county', 'unit'] as const
export const roles = ['system_administrator', 'security_manager', 'security_operator', 'auditor'] as const

/** The tree of units beside the people in them. */
export default function UnitsPage() {
  const { t } = useTranslation()
  const units = useQuery({ queryKey: ['units'], queryFn: () => answer(api.GET('/api/v1/units')), staleTime: 10_000 })
  return (
    <div className="page fill">
      <PageHead title={t('pages.units')} hint={t('user.powersHint')} />
      <div className="grow" style={{ display: 'flex', gap: 10, minHeight: 0 }}>
        <Units units={units.data?.items} error={units.error} onRetry={() => void units.refetch()} />
        <Users units={units.data?.items ?? []} />
      </div>
    </div>
  )
}

function Units({ units, error, onRetry }: { units: Unit[] | undefined; error: unknown; onRetry(): void }) {
  const { t } = useTranslation()
  const [url, setUrl] = useUrl()
  const can = useCan()
  const queries = useQueryClient()
  const [dialog, setDialog] = useState<'new' | 'rename' | null>(null)
  // The state that the dialog was filled from.
  const [editing, setEditing] = useState<Unit>()
  const refresh = () => queries.invalidateQueries({ queryKey: ['units'] })
  const chosen = units?.find(({ id }) => String(id) === url.unit)
  const save = useMutation({
    mutationFn: (values: { name: string; code?: string; kind: Unit['kind'] }): Promise<unknown> =>
      dialog === 'new'
        ? answer(
            api.POST('/api/v1/units', {
              body: {
                name: values.name,
                code: values.code?.trim() || null,
                kind: values.kind,
                parentId: chosen?.id ?? units![0]!.id,
              },
            }),
          )
        : sendChange(editing!.version, (version) =>
            answer(
              api.PATCH('/api/v1/units/{id}', {
                params: { path: { id: editing!.id }, header: ifMatch(version) },
                body: { name: values.name, code: values.code?.trim() || null },
              }),
            ),
          ),
    onSuccess: async () => {
      setDialog(null)
      await refresh()
      toast(t('states.saved'))
    },
    onError: (error) => tookTheirs(error) && setDialog(null),
  })
  const remove = useMutation({
    mutationFn: ({ id, version }: Unit) =>
      sendChange(version, (seen) =>
        answer(api.DELETE('/api/v1/units/{id}', { params: { path: { id }, header: ifMatch(seen) } })),
      ),
    onSuccess: async () => {
      setUrl({ unit: undefined }, 'replace')
      await refresh()
    },
  })
  const tree = useMemo(() => treeOf(units ?? []), [units])
  const reason = can('unit:write')
  const needsChoice = reason ?? (chosen ? undefined : t('unit.chooseFirst'))
  return (
    <section
      className="card"
      style={{ width: 320, flex: 'none', display: 'flex', flexDirection: 'column', minHeight: 0 }}
      aria-label={t('unit.tree')}
    >
      <header className="row">
        <h2>{t('unit.tree')}</h2>
        <span className="row" style={{ marginLeft: 'auto' }}>
          <Action reason={needsChoice} onClick={() => setDialog('new')}>
            {t('unit.add')}
          </Action>
          <Action
            reason={needsChoice}
            onClick={() => {
              setEditing(chosen)
              setDialog('rename')
            }}
          >
            {t('actions.edit')}
          </Action>
          <Popconfirm
            title={t('unit.removeSure')}
            okText={t('actions.remove')}
            cancelText={t('actions.cancel')}
            disabled={needsChoice !== undefined}
            onConfirm={() => chosen && remove.mutate(chosen)}
          >
            <span>
              <Action reason={needsChoice}>{t('actions.remove')}</Action>
            </span>
          </Popconfirm>
        </span>
      </header>
      <div style={{ overflow: 'auto', padding: 8 }}>
        {error ? <Problem error={error} onRetry={onRetry} /> : null}
        {units === undefined && !error ? <Skeleton rows={6} /> : null}
        {tree.length > 0 ? (
          <Tree
            blockNode
            defaultExpandAll
            treeData={tree}
            selectedKeys={url.unit ? [url.unit] : []}
            titleRender={(node) => <UnitTitle unit={units!.find(({ id }) => String(id) === node.key)!} />}
            onSelect={([key]) => setUrl({ unit: key === undefined ? undefined : String(key) }, 'replace')}
          />
        ) : null}
      </div>
      {dialog ? (
        <FormDialog<{ name: string; code?: string; kind: Unit['kind'] }>
          title={dialog === 'new' ? t('unit.addBelow', { name: chosen?.name ?? '' }) : chosen?.name}
          initial={
            dialog === 'new'
              ? { kind: 'unit' }
              : { name: chosen?.name, code: chosen?.code ?? undefined, kind: chosen?.kind }
          }
          busy={save.isPending}
          onCancel={() => setDialog(null)}
          onFinish={(values) => save.mutate(values)}
        >
          <Form.Item name="name" label={t('unit.name')} rules={[{ required: true, max: 200, whitespace: true }]}>
            <Input autoFocus />
          </Form.Item>
          <Form.Item name="kind" label={t('unit.kind')}>
            <Select
              disabled={dialog === 'rename'}
              options={kinds.map((value) => ({ value, label: t(`unit.kinds.${value}`) }))}
            />
          </Form.Item>
          <Form.Item name="code" label={t('unit.code')} extra={t('unit.codeHint')}>
            <Input maxLength={32} />
          </Form.Item>
        </FormDialog>
      ) : null}
    </section>
  )
}

function UnitTitle({ unit }: { unit: Unit }) {
  const { t } = useTranslation()
  return (
    <span title={unit.code ?? undefined}>
      {unit.name} <span className="faint small">{t(`unit.kinds.${unit.kind}`)}</span>
    </span>
  )
}

/** Units as nested nodes; a unit whose parent is out of sight stands at the top. */
export function treeOf(units: Unit[]): TreeDataNode[] {
  const nodes = new Map<number, TreeDataNode & { children: TreeDataNode[] }>(
    units.map(({ id, name }) => [id, { key: String(id), title: name, children: [] }]),
  )
  const roots: TreeDataNode[] = []
  for (const unit of units) {
    const parent = unit.parentId === null ? undefined : nodes.get(unit.parentId)
    ;(parent?.children ?? roots).push(nodes.get(unit.id)!)
  }
  return roots
}

interface UserValues {
  name: string
  displayName: string
  role: User['role']
  unitId: number
}

function Users({ units }: { units: Unit[] }) {
  const { t } = useTranslation()
  const [url, setUrl] = useUrl()
  const { data: me } = useMe()
  const can = useCan()
  const queries = useQueryClient()
  const [editing, setEditing] = useState<User | 'new' | null>(null)
  const [password, setPassword] = useState<Schemas['UserWithPassword'] | null>(null)
  const list = useList<User>(['users', url.text], (after) =>
    answer(api.GET('/api/v1/users', { params: { query: { text: url.text, after, limit: 200 } } })),
  )
  const refresh = () => queries.invalidateQueries({ queryKey: ['users'] })
  const save = useMutation({
    mutationFn: async (values: UserValues) => {
      if (editing === 'new') return setPassword(await answer(api.POST('/api/v1/users', { body: values })))
      if (editing)
        await sendChange(editing.version, (version) =>
          answer(
            api.PATCH('/api/v1/users/{id}', {
              params: { path: { id: editing.id }, header: ifMatch(version) },
              body: { displayName: values.displayName, role: values.role, unitId: values.unitId },
            }),
          ),
        )
    },
    onSuccess: async () => {
      setEditing(null)
      await refresh()
    },
    onError: (error) => tookTheirs(error) && setEditing(null),
  })
  const { mutate: change } = useMutation({
    mutationFn: ({ id, version, disabled }: Pick<User, 'id' | 'version' | 'disabled'>) =>
      sendChange(version, (seen) =>
        answer(
          api.PATCH('/api/v1/users/{id}', { params: { path: { id }, header: ifMatch(seen) }, body: { disabled } }),
        ),
      ),
    onSuccess: refresh,
  })
  const { mutate: reset } = useMutation({
    mutationFn: (id: number) => answer(api.POST('/api/v1/users/{id}/reset-password', { params: { path: { id } } })),
    onSuccess: async (result) => {
      setPassword(result)
      await refresh()
    },
  })
  const reason = can('user:write')
  const unit = units.find(({ id }) => String(id) === url.unit)
  const rows = unit ? list.rows?.filter(({ unitPath }) => unitPath.startsWith(unit.path)) : list.rows
  const columns = useMemo<Column<User>[]>(
    () => [
      { key: 'name', title: t('user.name'), width: 120, render: (row) => <span className="mono">{row.name}</span> },
      {
        key: 'displayName',
        title: t('user.displayName'),
        width: 126,
        grow: true,
        render: (row) => <span className="strong">{row.displayName}</span>,
      },
      { key: 'role', title: t('user.role'), width: 140, render: (row) => t(`role.${row.role}`) },
      { key: 'unit', title: t('source.unit'), width: 140, render: (row) => row.unitName },
      { key: 'state', title: t('exception.state'), width: 104, render: (row) => <UserState user={row} /> },
      {
        key: 'totp',
        minor: true,
        title: t('user.totp'),
        width: 90,
        render: (row) => (row.totpEnabled ? <span className="good">✓</span> : <span className="faint">—</span>),
      },
      {
        key: 'last',
        minor: true,
        title: t('user.lastSignIn'),
        width: 120,
        render: (row) => <Time value={row.lastSignInAt} as="ago" empty={t('rule.never')} />,
      },
      {
        key: 'act',
        title: '',
        width: 230,
        render: (row): ReactNode => {
          const why = reason ?? (row.id === me?.user?.id ? t('user.notSelf') : undefined)
          return (
            <span className="row">
              <button
                type="button"
                className="plain faint"
                disabled={reason !== undefined}
                title={reason}
                onClick={() => setEditing(row)}
              >
                {t('actions.edit')}
              </button>
              <Popconfirm
                title={t('user.resetSure', { name: row.displayName })}
                okText={t('user.reset')}
                cancelText={t('actions.cancel')}
                disabled={why !== undefined}
                onConfirm={() => reset(row.id)}
              >
                <button type="button" className="plain faint" disabled={why !== undefined} title={why}>
                  {t('user.reset')}
                </button>
              </Popconfirm>
              <Popconfirm
                title={
                  row.disabled
                    ? t('user.enableSure', { name: row.displayName })
                    : t('user.disableSure', { name: row.displayName })
                }
                okText={row.disabled ? t('user.enable') : t('user.disable')}
                cancelText={t('actions.cancel')}
                disabled={why !== undefined}
                onConfirm={() => change({ ...row, disabled: !row.disabled })}
              >
                <button type="button" className="plain faint" disabled={why !== undefined} title={why}>
                  {row.disabled ? t('user.enable') : t('user.disable')}
                </button>
              </Popconfirm>
            </span>
          )
        },
      },
    ],
    [t, reason, me, reset, change],
  )
  return (
    <div className="grow" style={{ display: 'flex', minHeight: 0 }}>
      <Table
        {...list}
        rows={rows}
        total={unit ? rows?.length : list.total}
        id="users"
        label={t('user.list')}
        columns={columns}
        rowKey={(row) => String(row.id)}
        tools={
          <>
            <FilterText value={url.text} placeholder={t('user.filterText')} onChange={(text) => setUrl({ text })} />
            {unit ? (
              <button type="button" className="button on" onClick={() => setUrl({ unit: undefined })}>
                {unit.name} ✕
              </button>
            ) : null}
          </>
        }
        endTools={
          <Action primary reason={reason} onClick={() => setEditing('new')} testId="new-user">
            {t('user.new')}
          </Action>
        }
        empty={
          <Empty
            title={t('user.none')}
            action={
              <Action primary reason={reason} onClick={() => setEditing('new')}>
                {t('user.new')}
              </Action>
            }
          />
        }
      />
      {editing ? (
        <FormDialog<UserValues>
          title={editing === 'new' ? t('user.new') : editing.displayName}
          initial={editing === 'new' ? { role: 'security_operator', unitId: unit?.id ?? me?.unit.id } : editing}
          busy={save.isPending}
          onCancel={() => setEditing(null)}
          onFinish={(values) => save.mutate(values)}
        >
          <Form.Item name="name" label={t('user.name')} rules={[{ required: true, max: 256, whitespace: true }]}>
            <Input autoFocus disabled={editing !== 'new'} className="mono" autoComplete="off" />
          </Form.Item>
          <Form.Item
            name="displayName"
            label={t('user.displayName')}
            rules={[{ required: true, max: 100, whitespace: true }]}
          >
            <Input />
          </Form.Item>
          <Form.Item name="role" label={t('user.role')} extra={t('user.roleHint')}>
            <Select
              options={roles.map((value) => ({ value, label: `${t(`role.${value}`)} — ${t(`roleHint.${value}`)}` }))}
            />
          </Form.Item>
          <Form.Item name="unitId" label={t('source.unit')} rules={[{ required: true }]}>
            <Select
              showSearch
              optionFilterProp="label"
              options={units.map(({ id, name }) => ({ value: id, label: name }))}
            />
          </Form.Item>
        </FormDialog>
      ) : null}
      {password ? (
        <Dialog title={t('user.passwordFor', { name: password.user.displayName })} onCancel={() => setPassword(null)}>
          <p>{t('user.passwordHint')}</p>
          <p className="row" style={{ margin: '12px 0' }}>
            <code style={{ fontSize: 18, userSelect: 'all' }} data-testid="one-time-password">
              {password.oneTimePassword}
            </code>{' '}
            <Copy text={password.oneTimePassword} />
          </p>
        </Dialog>
      ) : null}
    </div>
  )
}

function UserState({ user }: { user: User }) {
  const { t } = useTranslation()
  if (user.disabled) return <span className="faint">○ {t('user.disabled')}</span>
  return user.mustChangePassword ? (
    <span className="warn">◐ {t('user.fresh')}</span>
  ) : (
    <span className="good">● {t('user.active')}</span>
  )
}
