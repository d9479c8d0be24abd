import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Checkbox, Form, Input, Popconfirm, Select, Switch } from 'antd'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useList } from '../../api/lists.ts'
import type { operations } from '../../api/schema.d.ts'
import { useCan } from '../../api/session.tsx'
import { ifMatch, sendChange, tookTheirs } from '../../forms/conflict.ts'
import { FormDialog } from '../../forms/FormDialog.tsx'
import { currentLanguage } from '../../i18n/i18n.ts'
import type { Column } from '../../table/columns.ts'
import { Table } from '../../table/Table.tsx'
import { Action } from '../../ui/Action.tsx'
import { Severity, severities } from '../../ui/Severity.tsx'
import { Empty } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { toast } from '../../ui/toast.tsx'
import { EmailFields, WebhookFields } from './channelFields.tsx'

type Channel = Schemas['Channel']

interface ChannelValues {
  name: string
  kind: Channel['kind']
  minimumSeverity: Channel['minimumSeverity']
  enabled: boolean
  language: Channel['language']
  occasions: ('opened' | 'severity_raised' | 'closed')[]
  /** Write-only; left empty it stays as it is. */
  secret?: string
  settings: NewChannel['settings']
}

type NewChannel = NonNullable<operations['createChannel']['requestBody']>['content']['application/json']

/** Channels: made, changed, tested, switched. */
export function Channels({ onShowDeliveries }: { onShowDeliveries(): void }) {
  const { t } = useTranslation()
  const can = useCan()
  const queries = useQueryClient()
  const [editing, setEditing] = useState<Channel | 'new' | null>(null)
  const list = useList<Channel>(['channels'], (after) =>
    answer(api.GET('/api/v1/notifications/channels', { params: { query: { after, limit: 200 } } })),
  )
  const refresh = () => queries.invalidateQueries({ queryKey: ['channels'] })
  const save = useMutation({
    mutationFn: ({ kind, secret, ...values }: ChannelValues) => {
      const body = {
        ...values,
        secret: secret?.trim() || undefined,
        unitIds: editing === 'new' || editing === null ? [] : editing.unitIds,
      }
      return editing === 'new' || editing === null
        ? answer(api.POST('/api/v1/notifications/channels', { body: { ...body, kind } }))
        : sendChange(editing.version, (version) =>
            answer(
              api.PATCH('/api/v1/notifications/channels/{id}', {
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
  const { mutate: test, isPending: testing } = useMutation({
    mutationFn: (id: number) =>
      answer(api.POST('/api/v1/notifications/channels/{id}/test', { params: { path: { id } } })),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['deliveries'] })
      toast(t('notification.testSent'), { action: { label: t('notification.deliveries'), run: onShowDeliveries } })
    },
  })
  const { mutate: remove } = useMutation({
    mutationFn: ({ id, version }: Channel) =>
      sendChange(version, (seen) =>
        answer(api.DELETE('/api/v1/notifications/channels/{id}', { params: { path: { id }, header: ifMatch(seen) } })),
      ),
    onSuccess: refresh,
  })
  const { mutate: enable } = useMutation({
    mutationFn: ({ id, version, enabled }: Pick<Channel, 'id' | 'version' | 'enabled'>) =>
      sendChange(version, (seen) =>
        answer(
          api.PATCH('/api/v1/notifications/channels/{id}', {
            params: { path: { id }, header: ifMatch(seen) },
            body: { enabled } as never,
          }),
        ),
      ),
    onSuccess: refresh,
  })
  const reason = can('notification:write')
  const columns = useMemo<Column<Channel>[]>(
    () => [
      {
        key: 'enabled',
        title: t('rule.on'),
        width: 62,
        render: (row) => (
          <span title={reason}>
            <Switch
              size="small"
              checked={row.enabled}
              disabled={reason !== undefined}
              aria-label={`${t('rule.on')}: ${row.name}`}
              onChange={(enabled) => enable({ ...row, enabled })}
            />
          </span>
        ),
      },
      {
        key: 'name',
        title: t('notification.name'),
        width: 180,
        grow: true,
        render: (row) => <span className="strong">{row.name}</span>,
      },
      { key: 'kind', title: t('notification.kind'), width: 100, render: (row) => t(`notification.kinds.${row.kind}`) },
      {
        key: 'to',
        title: t('notification.destination'),
        width: 260,
        render: (row) => (
          <span className="mono">{'url' in row.settings ? row.settings.url : row.settings.to.join(', ')}</span>
        ),
      },
      {
        key: 'severity',
        title: t('notification.minimum'),
        width: 110,
        render: (row) => <Severity value={row.minimumSeverity} />,
      },
      {
        key: 'last',
        title: t('notification.lastDelivery'),
        width: 120,
        render: (row) => <Time value={row.lastDeliveredAt} as="ago" empty={t('rule.never')} />,
      },
      {
        key: 'error',
        title: t('notification.lastError'),
        width: 180,
        render: (row) =>
          row.lastError ? (
            <span className="bad" title={row.lastError}>
              {row.lastError}
            </span>
          ) : (
            <span className="faint">—</span>
          ),
      },
      {
        key: 'act',
        title: '',
        width: 190,
        render: (row) => (
          <span className="row">
            <button
              type="button"
              className="plain"
              style={{ color: 'var(--accent)' }}
              disabled={reason !== undefined || testing}
              title={reason}
              data-testid="test-channel"
              onClick={() => test(row.id)}
            >
              {t('notification.test')}
            </button>
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
              title={t('notification.removeSure', { name: row.name })}
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
    [t, reason, testing, test, remove, enable],
  )
  const initial: ChannelValues =
    editing === 'new' || editing === null
      ? {
          name: '',
          kind: 'webhook',
          minimumSeverity: 'high',
          enabled: true,
          language: currentLanguage() === 'en' ? 'en' : 'zh',
          occasions: ['opened', 'severity_raised'],
          settings: {} as ChannelValues['settings'],
        }
      : {
          name: editing.name,
          kind: editing.kind,
          minimumSeverity: editing.minimumSeverity,
          enabled: editing.enabled,
          language: editing.language,
          occasions: editing.occasions as ChannelValues['occasions'],
          settings: editing.settings as ChannelValues['settings'],
        }
  return (
    <>
      <Table
        {...list}
        id="channels"
        label={t('notification.channels')}
        columns={columns}
        rowKey={(row) => String(row.id)}
        endTools={
          <Action primary reason={reason} onClick={() => setEditing('new')} testId="new-channel">
            {t('notification.new')}
          </Action>
        }
        empty={
          <Empty
            title={t('notification.none')}
            action={
              <Action primary reason={reason} onClick={() => setEditing('new')}>
                {t('notification.new')}
              </Action>
            }
          >
            {t('notification.noneHint')}
          </Empty>
        }
      />
      {editing ? (
        <FormDialog<ChannelValues>
          title={editing === 'new' ? t('notification.new') : editing.name}
          initial={initial}
          busy={save.isPending}
          onCancel={() => setEditing(null)}
          onFinish={(values) => save.mutate({ ...values, kind: values.kind ?? initial.kind })}
        >
          <Form.Item
            name="name"
            label={t('notification.name')}
            rules={[{ required: true, max: 100, whitespace: true }]}
          >
            <Input autoFocus />
          </Form.Item>
          <Form.Item name="kind" label={t('notification.kind')}>
            <Select
              disabled={editing !== 'new'}
              options={(['webhook', 'email'] as const).map((value) => ({
                value,
                label: t(`notification.kinds.${value}`),
              }))}
            />
          </Form.Item>
          <Form.Item name="minimumSeverity" label={t('notification.minimum')}>
            <Select options={severities.map((value) => ({ value, label: t(`severity.${value}`) }))} />
          </Form.Item>
          <Form.Item name="occasions" label={t('notification.occasions')} rules={[{ required: true }]}>
            <Checkbox.Group
              options={(['opened', 'severity_raised', 'closed'] as const).map((value) => ({
                value,
                label: t(`notification.occasion.${value}`),
              }))}
            />
          </Form.Item>
          <Form.Item name="language" label={t('notification.language')}>
            <Select
              options={(['zh', 'en'] as const).map((value) => ({ value, label: t(`notification.languages.${value}`) }))}
            />
          </Form.Item>
          <Form.Item noStyle shouldUpdate={(before, after) => before.kind !== after.kind}>
            {({ getFieldValue }) => (getFieldValue('kind') === 'email' ? <EmailFields /> : <WebhookFields />)}
          </Form.Item>
          <Form.Item name="enabled" label={t('rule.on')} valuePropName="checked">
            <Switch />
          </Form.Item>
        </FormDialog>
      ) : null}
    </>
  )
}
