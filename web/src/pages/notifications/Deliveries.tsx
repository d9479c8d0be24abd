import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useList } from '../../api/lists.ts'
import { useCan } from '../../api/session.tsx'
import { useSay } from '../../i18n/useSay.ts'
import type { Column } from '../../table/columns.ts'
import { Table } from '../../table/Table.tsx'
import { Filter } from '../../ui/Filter.tsx'
import { formatNumber } from '../../ui/format.ts'
import { Empty } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { formatTime } from '../../ui/time.ts'
import { toast } from '../../ui/toast.tsx'
import { useUrl } from '../../ui/useUrl.ts'

type Delivery = Schemas['Delivery']

/** What was sent, what failed, and sending it again. */
export function Deliveries() {
  const { t } = useTranslation()
  const say = useSay()
  const [url, setUrl] = useUrl()
  const can = useCan()
  const queries = useQueryClient()
  const filters = { state: url.state, channel: url.channel, incident: url.incident }
  const list = useList<Delivery>(['deliveries', filters], (after) =>
    answer(
      api.GET('/api/v1/notifications/deliveries', { params: { query: { ...filters, after, limit: 100 } as never } }),
    ),
  )
  const { mutate: retry, isPending } = useMutation({
    mutationFn: (id: number) =>
      answer(api.POST('/api/v1/notifications/deliveries/{id}/retry', { params: { path: { id } } })),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['deliveries'] })
      toast(t('notification.retried'))
    },
  })
  const reason = can('notification:write')
  const columns = useMemo<Column<Delivery>[]>(
    () => [
      {
        key: 'status',
        title: t('exception.state'),
        width: 100,
        render: (row) => (
          <span className={{ delivered: 'good', failed: 'bad', pending: 'warn' }[row.state]}>
            {{ delivered: '✓', failed: '▲', pending: '◐' }[row.state]} {t(`notification.status.${row.state}`)}
          </span>
        ),
      },
      { key: 'channel', title: t('notification.channel'), width: 150, render: (row) => row.channelName },
      {
        key: 'title',
        title: t('notification.message'),
        width: 240,
        grow: true,
        render: (row) =>
          row.incidentId === null ? (
            <span className="faint">{say(row.title)}</span>
          ) : (
            <Link to={`/incidents/${row.incidentId}` as '/'} title={say(row.title)}>
              #{row.incidentId} {say(row.title)}
            </Link>
          ),
      },
      {
        key: 'attempts',
        title: t('notification.attempts'),
        width: 84,
        align: 'right',
        render: (row) => <span className="number">{formatNumber(row.attempts.length)}</span>,
      },
      {
        key: 'error',
        title: t('notification.lastError'),
        width: 200,
        render: (row) =>
          row.lastError ? (
            <span className="bad" title={attemptsText(row)}>
              {row.lastError}
            </span>
          ) : (
            <span className="faint">—</span>
          ),
      },
      { key: 'created', title: t('incident.created'), width: 132, render: (row) => <Time value={row.createdAt} /> },
      {
        key: 'delivered',
        minor: true,
        title: t('notification.deliveredAt'),
        width: 132,
        render: (row) => <Time value={row.deliveredAt} />,
      },
      {
        key: 'next',
        minor: true,
        title: t('notification.nextAttempt'),
        width: 132,
        render: (row) => <Time value={row.nextAttemptAt} as="ago" />,
      },
      {
        key: 'act',
        title: '',
        width: 90,
        render: (row) =>
          row.state === 'failed' ? (
            <button
              type="button"
              className="plain"
              style={{ color: 'var(--accent)' }}
              disabled={reason !== undefined || isPending}
              title={reason}
              data-testid="retry-delivery"
              onClick={() => retry(row.id)}
            >
              {t('notification.retry')}
            </button>
          ) : null,
      },
    ],
    [t, say, reason, isPending, retry],
  )
  return (
    <Table
      {...list}
      id="deliveries"
      label={t('notification.deliveries')}
      columns={columns}
      rowKey={(row) => String(row.id)}
      tools={
        <Filter
          label={t('exception.state')}
          value={url.state}
          testId="filter-state"
          allLabel={t('filter.all')}
          options={(['pending', 'delivered', 'failed'] as const).map((value) => ({
            value,
            label: t(`notification.status.${value}`),
          }))}
          onChange={(state) => setUrl({ state, tab: 'deliveries' })}
        />
      }
      empty={<Empty title={t('notification.noDeliveries')}>{t('notification.noDeliveriesHint')}</Empty>}
    />
  )
}

/** Every attempt on a line of its own, latest last. */
function attemptsText({ attempts }: Delivery): string {
  return attempts
    .map(({ at, result, error }) => `${formatTime(Date.parse(at))} ${result} ${error ?? ''}`.trim())
    .join('\n')
}
