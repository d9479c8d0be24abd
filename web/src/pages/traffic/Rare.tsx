import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { formatNumber } from '../../ui/format.ts'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { Value } from '../../ui/Value.tsx'
import { Card } from '../overview/Card.tsx'
import { count, FigureTable, withValues } from './FigureTable.tsx'
import type { IsoSpan } from './span.ts'

const fields = [
  'tls.client.ja4',
  'tls.client.ja3',
  'tls.client.server_name',
  'tls.server.subject',
  'dns.question.name',
  'destination.port',
  'destination.ip',
] as const

/** What nobody had before the range, or few have within it. */
export function Rare({ query, span }: { query: string; span: IsoSpan }) {
  const { t } = useTranslation()
  return (
    <>
      <p className="soft">{t('traffic.rareHint', { hosts: 2, days: 30 })}</p>
      <div className="overview">
        {fields.map((field) => (
          <RareCard key={field} field={field} query={query} span={span} />
        ))}
      </div>
    </>
  )
}

function RareCard({ field, query, span }: { field: (typeof fields)[number]; query: string; span: IsoSpan }) {
  const { t } = useTranslation()
  const { data, error, refetch } = useQuery({
    queryKey: ['traffic', 'rare', field, query, span],
    queryFn: ({ signal }) => answer(api.POST('/api/v1/traffic/rare', { body: { field, query, ...span }, signal })),
    staleTime: Number.POSITIVE_INFINITY,
  })
  return (
    <Card
      size="half"
      title={t(`traffic.rare.${field.replaceAll('.', '_') as 'destination_ip'}`)}
      more={data ? <span className="faint number">{formatNumber(data.total)}</span> : null}
    >
      {error ? <Problem error={error} onRetry={() => void refetch()} /> : null}
      {data ? (
        <FigureTable
          words={[t('traffic.value'), '', t('source.firstSeen')]}
          figures={[t('traffic.hosts'), t('traffic.records')]}
          span={span}
          none={t('traffic.noRare')}
          rows={data.items.map(({ value, hosts, count: number, firstSeenAt, isNew }) => ({
            key: value,
            cells: [
              <Value key="value" field={field} value={value} className="mono" />,
              isNew ? (
                <span key="new" className="chip warn">
                  {t('traffic.new')}
                </span>
              ) : null,
              <Time key="first" value={firstSeenAt} />,
            ],
            query: withValues(data.query, [field], [value]),
            figures: [count(hosts), count(number)],
          }))}
        />
      ) : error ? null : (
        <Skeleton rows={5} />
      )}
    </Card>
  )
}
