import {
  CodeOutlined,
  DownloadOutlined,
  PauseCircleOutlined,
  PlayCircleOutlined,
  SafetyOutlined,
  ZoomOutOutlined,
} from '@ant-design/icons'
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { exportUrl } from '../../api/download.ts'
import { useCan } from '../../api/session.tsx'
import { Histogram } from '../../charts/Histogram.tsx'
import type { Column } from '../../table/columns.ts'
import { Table } from '../../table/Table.tsx'
import { Action } from '../../ui/Action.tsx'
import { Copy } from '../../ui/Copy.tsx'
import { formatDuration, formatNumber } from '../../ui/format.ts'
import { MenuButton } from '../../ui/Popup.tsx'
import { withClause } from '../../ui/query.ts'
import { recall, remember } from '../../ui/remember.ts'
import { Split } from '../../ui/Split.tsx'
import { Empty } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { rangeOf, TimePicker } from '../../ui/TimePicker.tsx'
import { resolveRange, zoneName } from '../../ui/time.ts'
import { useUrl } from '../../ui/useUrl.ts'
import { Value, ValueMenu } from '../../ui/Value.tsx'
import { EventPanel } from './EventPanel.tsx'
import { FacetBar } from './FacetBar.tsx'
import { QueryBar } from './QueryBar.tsx'
import { SavedSearches } from './SavedSearches.tsx'
import './search.css'

type EventDocument = Schemas['EventDocument']

const usualColumns = ['event.action', 'host.name', 'source.ip', 'user.name', 'message']
/** What tells most about an event that has no message. */
const outlineFields = [
  'event.dataset',
  'source.ip',
  'destination.ip',
  'destination.port',
  'network.protocol',
  'network.transport',
  'url.original',
  'dns.question.name',
  'process.command_line',
  'rule.name',
  'error.message',
]
const followEveryMs = 3000

/** Log search: the question is the address; what is found can be narrowed from any value on the page. */
export default function SearchPage() {
  const { t } = useTranslation()
  const [url, setUrl] = useUrl()
  const can = useCan()
  const query = url.query ?? ''
  const range = rangeOf(url)
  const columns = useMemo(
    () => url.columns?.split(',').filter(Boolean) ?? recall<string[]>('search.columns') ?? usualColumns,
    [url.columns],
  )
  const [follow, setFollow] = useState(false)
  const [showSql, setShowSql] = useState(false)
  // Relative times are fixed when the question is asked, so that every part of the answer and every page speaks of the same span.
  const [askedAt, setAskedAt] = useState(() => Date.now())
  useEffect(() => {
    if (!follow) return
    const timer = setInterval(() => setAskedAt(Date.now()), followEveryMs)
    return () => clearInterval(timer)
  }, [follow])
  const span = useMemo(() => {
    const { fromMs, toMs } = resolveRange({ from: range.from, to: range.to }, askedAt)
    return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), fromMs, toMs }
  }, [range.from, range.to, askedAt])
  const sort = url.sort === '@timestamp' ? '@timestamp' : '-@timestamp'
  const body = { query, from: span.from, to: span.to }

  const found = useInfiniteQuery({
    queryKey: ['search', body, sort, columns],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.POST('/api/v1/search', {
          body: {
            ...body,
            sort,
            limit: 100,
            after: pageParam,
            columns: columns.includes('message')
              ? [...columns, ...outlineFields]
              : columns.length > 0
                ? columns
                : undefined,
          },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
  })
  const histogram = useQuery({
    queryKey: ['histogram', body],
    queryFn: ({ signal }) => answer(api.POST('/api/v1/search/histogram', { body: { ...body, buckets: 90 }, signal })),
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
  })
  const rows = useMemo(() => found.data?.pages.flatMap(({ items }) => items), [found.data])
  const firstPage = found.data?.pages[0]
  const active = rows?.find((row) => row['event.id'] === url.event)

  const ask = (changes: Record<string, string | undefined>) => {
    setAskedAt(Date.now())
    setUrl({ ...changes, event: undefined })
  }
  const setColumns = (next: string[]) => {
    remember('search.columns', next)
    setUrl({ columns: next.join(',') }, 'replace')
  }
  const toggleColumn = (field: string) =>
    setColumns(
      columns.includes(field)
        ? columns.filter((name) => name !== field)
        : [...columns.filter((name) => name !== 'message'), field, ...columns.filter((name) => name === 'message')],
    )
  const include = (field: string, value: string) => ask({ query: withClause(query, field, value) })
  const exclude = (field: string, value: string) => ask({ query: withClause(query, field, value, true) })
  const actions = { include, exclude, range: { from: url.from, to: url.to }, addColumn: toggleColumn }

  const tableColumns = useMemo<Column<EventDocument>[]>(
    () => [
      {
        key: '@timestamp',
        title: `${t('search.time')} (${zoneName()})`,
        width: 150,
        sortKey: '@timestamp',
        render: (row) => <Time value={row['@timestamp']} />,
      },
      ...columns.map<Column<EventDocument>>((name, index) => ({
        key: name,
        title: name,
        minor: index > 1 && name !== 'message',
        width: name === 'message' ? 280 : name.endsWith('.ip') ? 140 : 130,
        grow: name === columns.at(-1),
        render: (row) =>
          name === 'message' && row.message === undefined ? (
            <Outline event={row} />
          ) : (
            <Cell name={name} value={row[name]} />
          ),
      })),
    ],
    [columns, t],
  )
  const exportLink = (format: 'csv' | 'ndjson') =>
    exportUrl('/api/v1/search/export', {
      ...body,
      format,
      columns: format === 'csv' ? ['@timestamp', ...columns].join(',') : undefined,
    })
  const widen = () => {
    const width = span.toMs - span.fromMs
    ask({
      from: new Date(span.fromMs - width / 2).toISOString(),
      to: new Date(Math.min(Date.now(), span.toMs + width / 2)).toISOString(),
    })
  }
  const exportReason = can('event:export')

  return (
    <ValueMenu actions={actions}>
      <div className="page fill">
        <div className="search-head">
          <QueryBar query={query} range={span} onSubmit={(next) => ask({ query: next || undefined })} />
          <TimePicker value={range} onChange={(next) => ask({ from: next.from, to: next.to })} />
          <Action
            on={follow}
            title={t('search.followHint')}
            testId="follow"
            onClick={() => {
              if (!follow) ask({ to: 'now', from: range.from.startsWith('now') ? range.from : 'now-15m' })
              setFollow(!follow)
            }}
          >
            {follow ? <PauseCircleOutlined /> : <PlayCircleOutlined />}
            {follow ? t('search.following') : t('search.follow')}
          </Action>
          <SavedSearches
            query={query}
            from={range.from}
            to={range.to}
            columns={columns}
            onOpen={(saved) =>
              ask({
                query: saved.query || undefined,
                from: saved.from,
                to: saved.to,
                columns: saved.columns.length > 0 ? saved.columns.join(',') : undefined,
              })
            }
          />
        </div>
        <div className="card" style={{ padding: '6px 10px 2px', flex: 'none' }}>
          <div className="row" style={{ minHeight: 24 }}>
            <span className="strong number" data-testid="hit-count">
              {firstPage ? t('search.events', { number: formatNumber(firstPage.total) }) : '…'}
            </span>
            {firstPage ? (
              <span className="faint small">{t('search.took', { duration: formatDuration(firstPage.tookMs) })}</span>
            ) : null}
            {histogram.data ? (
              <span className="faint small">
                {t('search.perBar', { duration: formatDuration(histogram.data.intervalMs) })}
              </span>
            ) : null}
            <span className="grow" />
            <button type="button" className="tool" title={t('search.widen')} onClick={widen}>
              <ZoomOutOutlined /> {t('search.widen')}
            </button>
            <button
              type="button"
              className="tool"
              aria-expanded={showSql}
              data-testid="show-sql"
              onClick={() => setShowSql(!showSql)}
            >
              <CodeOutlined /> SQL
            </button>
            <Link
              className="tool"
              to="/workbench"
              search={{ query: url.query } as never}
              data-testid="rule-from-search"
            >
              <SafetyOutlined /> {t('workbench.fromSearch')}
            </Link>
          </div>
          {showSql && firstPage ? (
            <div className="row" style={{ alignItems: 'flex-start' }}>
              <pre className="sql grow raw" data-testid="sql">
                {firstPage.sql}
              </pre>
              <Copy text={firstPage.sql} />
            </div>
          ) : null}
          <Histogram
            buckets={histogram.data?.buckets ?? []}
            intervalMs={histogram.data?.intervalMs ?? 60_000}
            label={t('search.histogram')}
            onZoom={(fromMs, toMs) => ask({ from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() })}
          />
        </div>
        <div className="search-body">
          {url.event && window.innerWidth < 1700 ? null : (
            <FacetBar
              ready={found.isSuccess && !found.isPlaceholderData}
              failed={found.isError}
              query={query}
              range={span}
              columns={columns}
              onInclude={include}
              onExclude={exclude}
              onToggleColumn={toggleColumn}
            />
          )}
          <div className="grow" style={{ display: 'flex', minHeight: 0 }}>
            <Split
              id="search"
              detailLabel={t('event.title')}
              onClose={() => setUrl({ event: undefined }, 'replace')}
              fullHref={url.event ? `/events/${encodeURIComponent(url.event)}` : undefined}
              detail={
                url.event ? (
                  <EventPanel
                    id={url.event}
                    at={active?.['@timestamp']}
                    onAround={(from, to) => ask({ query: undefined, from, to })}
                  />
                ) : null
              }
            >
              <Table
                id="events"
                label={t('pages.search')}
                chooser={false}
                columns={tableColumns}
                rows={rows}
                rowKey={(row) => row['event.id']}
                total={firstPage?.total}
                loading={found.isPending}
                error={found.error ?? undefined}
                onRetry={() => void found.refetch()}
                hasMore={found.hasNextPage}
                onMore={() => void found.fetchNextPage()}
                loadingMore={found.isFetchingNextPage}
                activeKey={url.event}
                onOpen={(row) => setUrl({ event: row['event.id'] }, 'replace')}
                sort={{ key: '@timestamp', descending: sort === '-@timestamp' }}
                onSort={({ descending }) => setUrl({ sort: descending ? undefined : '@timestamp' })}
                tools={
                  <>
                    {columns.map((name) => (
                      <button
                        key={name}
                        type="button"
                        className="chip"
                        title={t('search.removeColumn')}
                        onClick={() => toggleColumn(name)}
                      >
                        {name} ✕
                      </button>
                    ))}
                  </>
                }
                endTools={
                  <>
                    <button type="button" className="tool" onClick={() => setColumns(usualColumns)}>
                      {t('table.resetColumns')}
                    </button>
                    <MenuButton
                      label={t('actions.export')}
                      testId="export"
                      items={(['csv', 'ndjson'] as const).map((format) =>
                        exportReason === undefined
                          ? {
                              key: format,
                              label: t(`export.${format}`),
                              href: exportLink(format),
                              testId: `export-${format}`,
                            }
                          : { key: format, label: t(`export.${format}`), disabled: exportReason },
                      )}
                    >
                      <DownloadOutlined /> {t('actions.export')}
                    </MenuButton>
                  </>
                }
                empty={
                  <Empty
                    title={t('search.empty')}
                    action={
                      <div className="row">
                        <Action primary onClick={() => ask({ from: 'now-7d', to: 'now' })}>
                          {t('search.tryWeek')}
                        </Action>
                        {query ? (
                          <Action onClick={() => ask({ query: undefined })}>{t('search.dropQuery')}</Action>
                        ) : null}
                      </div>
                    }
                  >
                    {t('search.emptyHint')}
                  </Empty>
                }
              />
            </Split>
          </div>
        </div>
      </div>
    </ValueMenu>
  )
}

/** An event without a message, in the words of its telling fields. */
function Outline({ event }: { event: EventDocument }) {
  const words = outlineFields.flatMap((name) => (event[name] === undefined ? [] : [String(event[name])]))
  return <span className="mono faint">{words.join(' · ') || '—'}</span>
}

function Cell({ name, value }: { name: string; value: unknown }) {
  if (value === undefined || value === null) return <span className="faint">—</span>
  const text = typeof value === 'string' ? value : Array.isArray(value) ? value.join(', ') : JSON.stringify(value)
  return (
    <Value
      field={name}
      value={Array.isArray(value) ? String(value[0]) : text}
      className={name === 'message' ? 'mono' : ''}
    >
      {text}
    </Value>
  )
}
