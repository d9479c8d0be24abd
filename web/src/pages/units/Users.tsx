import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Form, Input, Popconfirm, Select } from 'antd'
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
import { Empty } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { toast } from '../../ui/toast.tsx'
import { useUrl } from '../../ui/useUrl.ts'

type Unit = Schemas['Unit']
type User = Schemas['User']

const roles = ['system_administrator', 'security_manager', 'security_operator', 'auditor'] as const

interface UserValues {
  name: string
  displayName: string
  role: User['role']
  unitId: number
}

/** The people of the chosen unit and below. */
export function Users({ units }: { units: Unit[] }) {
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
  const { mutate: removeTotp } = useMutation({
    mutationFn: (id: number) => answer(api.POST('/api/v1/users/{id}/remove-totp', { params: { path: { id } } })),
    onSuccess: async () => {
      await refresh()
      toast(t('user.totpRemoved'))
    },
  })
  const { mutate: reset } = useMutation({
    mutationFn: (id: number) => answer(api.POST('/api/v1/users/{id}/reset-password', { params: { path: { id } } })),
    onSuccess: async (result) => {
      setPassword(result)
      await refresh()
    },
  })
  const reason = can('user:write')
  const isSelf = editing !== null && editing !== 'new' && editing.id === me?.user?.id
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
        render: (row) => {
          if (!row.totpEnabled) return <span className="faint">—</span>
          const why = reason ?? (row.id === me?.user?.id ? t('user.notSelf') : undefined)
          return (
            <span className="row">
              <span className="good">✓</span>
              <Popconfirm
                title={t('user.totpRemoveSure', { name: row.displayName })}
                okText={t('actions.remove')}
                cancelText={t('actions.cancel')}
                disabled={why !== undefined}
                onConfirm={() => removeTotp(row.id)}
              >
                <button type="button" className="plain faint" disabled={why !== undefined} title={why}>
                  {t('actions.remove')}
                </button>
              </Popconfirm>
            </span>
          )
        },
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
                data-testid="edit-user"
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
    [t, reason, me, reset, change, removeTotp],
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
          <Form.Item name="role" label={t('user.role')} extra={isSelf ? t('user.ownPowers') : t('user.roleHint')}>
            <Select
              disabled={isSelf}
              options={roles.map((value) => ({ value, label: `${t(`role.${value}`)} — ${t(`roleHint.${value}`)}` }))}
            />
          </Form.Item>
          <Form.Item name="unitId" label={t('source.unit')} rules={[{ required: true }]}>
            <Select
              disabled={isSelf}
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
