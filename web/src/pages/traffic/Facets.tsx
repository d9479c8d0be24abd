import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { Value } from '../../ui/Value.tsx'
import { Card } from '../overview/Card.tsx'
import { count, FigureTable, withValues } from './FigureTable.tsx'
import type { IsoSpan } from './span.ts'

/** The most frequent values of fields among the records of a query. */
export function Facets({ query, span, fields }: { query: string; span: IsoSpan; fields: Record<string, string> }) {
  const { t } = useTranslation()
  const names = Object.keys(fields)
  const { data, error, refetch } = useQuery({
    queryKey: ['traffic', 'facets', query, span, names],
    queryFn: ({ signal }) =>
      answer(api.POST('/api/v1/search/facets', { body: { query, ...span, fields: names, limit: 20 }, signal })),
    staleTime: Number.POSITIVE_INFINITY,
  })
  if (error) return <Problem error={error} onRetry={() => void refetch()} />
  if (!data) return <Skeleton rows={6} />
  return data.facets.map(({ field, values }) => (
    <Card key={field} size="half" title={fields[field]}>
      <FigureTable
        words={[t('traffic.value')]}
        figures={[t('traffic.records')]}
        span={span}
        none={t('traffic.nothing')}
        rows={values.map(({ value, count: number }) => ({
          key: value,
          cells: [<Value key="value" field={field} value={value} className="mono" />],
          query: withValues(query, [field], [value]),
          figures: [count(number)],
        }))}
      />
    </Card>
  ))
}
