import { DownOutlined, MinusCircleOutlined, PlusCircleOutlined, RightOutlined, TableOutlined } from '@ant-design/icons'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { useSay } from '../../i18n/useSay.ts'
import { AddressCredit, isSystemField } from '../../ui/AddressCredit.tsx'
import { formatNumber, formatShare } from '../../ui/format.ts'
import { recall, remember } from '../../ui/remember.ts'
import { Skeleton } from '../../ui/States.tsx'
import { rankFields } from './completion.ts'
import { useFields } from './fields.ts'

const usual = [
  'event.category',
  'event.action',
  'event.outcome',
  'host.name',
  'source.ip',
  'destination.ip',
  'user.name',
  'process.name',
  'event.module',
]

interface FacetBarProps {
  /** The search itself was answered: its query is sound. */
  ready: boolean
  /** The records cannot be read (a mistake in the query, say): then neither can their values. */
  failed: boolean
  query: string
  range: { from: string; to: string }
  columns: string[]
  onInclude(field: string, value: string): void
  onExclude(field: string, value: string): void
  onToggleColumn(field: string): void
}

/** Fields and their most frequent values in what was found; each value can be included or excluded with one click. */
export function FacetBar(props: FacetBarProps) {
  const { t } = useTranslation()
  const fields = useFields()
  const say = useSay()
  const [filter, setFilter] = useState('')
  const [opened, setOpened] = useState<string[]>(() => recall<string[]>('facets') ?? usual.slice(0, 5))
  const names = useMemo(() => {
    if (filter.trim()) return rankFields(fields, filter.trim(), 30).map(({ name }) => name)
    return [...new Set([...opened, ...usual, ...props.columns.filter((name) => name !== 'message')])]
  }, [fields, filter, opened, props.columns])
  const describe = (name: string) => {
    const field = fields.find((candidate) => candidate.name === name)
    return field ? say(field.description) : name
  }
  const toggle = (name: string) => {
    const next = opened.includes(name) ? opened.filter((other) => other !== name) : [...opened, name]
    remember('facets', next)
    setOpened(next)
  }
  return (
    <aside className="facets card" aria-label={t('search.fields')}>
      <input
        className="input small"
        type="search"
        value={filter}
        placeholder={t('search.findField')}
        aria-label={t('search.findField')}
        onChange={(event) => setFilter(event.target.value)}
      />
      <div className="facet-list">
        {names.map((name) => (
          <section key={name}>
            <div className="facet-head">
              <button
                type="button"
                className="plain grow ellipsis"
                aria-expanded={opened.includes(name)}
                title={describe(name)}
                onClick={() => toggle(name)}
              >
                {opened.includes(name) ? <DownOutlined /> : <RightOutlined />} <span className="mono">{name}</span>
              </button>
              <button
                type="button"
                className="plain"
                style={{ color: props.columns.includes(name) ? 'var(--accent)' : 'var(--text-faint)' }}
                title={props.columns.includes(name) ? t('search.removeColumn') : t('search.addColumn')}
                aria-label={`${props.columns.includes(name) ? t('search.removeColumn') : t('search.addColumn')} ${name}`}
                onClick={() => props.onToggleColumn(name)}
              >
                <TableOutlined />
              </button>
            </div>
            {opened.includes(name) ? <FacetValues {...props} field={name} /> : null}
          </section>
        ))}
        {[...names, ...props.columns].some(isSystemField) ? <AddressCredit /> : null}
        {names.length === 0 ? <p className="faint">{t('search.noField')}</p> : null}
      </div>
    </aside>
  )
}

function FacetValues({ field, ready, failed, query, range, onInclude, onExclude }: FacetBarProps & { field: string }) {
  const { t } = useTranslation()
  const { data, isPending, error } = useQuery({
    queryKey: ['facet', field, query, range.from, range.to],
    queryFn: () => answer(api.POST('/api/v1/search/facets', { body: { query, ...range, fields: [field], limit: 8 } })),
    placeholderData: (before) => before,
    enabled: ready,
  })
  if (failed) return <p className="faint small">{t('search.facetFailed')}</p>
  if (isPending) return <Skeleton rows={2} height={12} />
  const facet = data?.facets[0]
  if (error || !facet || facet.values.length === 0)
    return <p className="faint small">{error ? t('search.facetFailed') : t('search.noValues')}</p>
  const most = facet.values[0]?.count ?? 1
  return (
    <ul>
      {facet.values.map(({ value, count }) => (
        <li
          key={value}
          className="facet-value"
          title={`${value}\n${formatNumber(count)} (${formatShare(count / Math.max(1, data.total))})`}
        >
          <span className="facet-fill" style={{ width: `${(count / most) * 100}%` }} aria-hidden="true" />
          <button type="button" className="plain grow ellipsis" onClick={() => onInclude(field, value)}>
            {value || t('search.emptyValue')}
          </button>
          <span className="facet-actions">
            <button
              type="button"
              className="plain"
              aria-label={`${t('value.include')} ${field}: ${value}`}
              title={t('value.include')}
              onClick={() => onInclude(field, value)}
            >
              <PlusCircleOutlined />
            </button>
            <button
              type="button"
              className="plain"
              aria-label={`${t('value.exclude')} ${field}: ${value}`}
              title={t('value.exclude')}
              onClick={() => onExclude(field, value)}
            >
              <MinusCircleOutlined />
            </button>
          </span>
          <span className="number faint">{formatNumber(count)}</span>
        </li>
      ))}
    </ul>
  )
}
