import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useList } from '../../api/lists.ts'
import { Sparkline } from '../../charts/Sparkline.tsx'
import type { Column } from '../../table/columns.ts'
import { Table } from '../../table/Table.tsx'
import { Filter, FilterText } from '../../ui/Filter.tsx'
import { formatNumber, formatRate, formatShare } from '../../ui/format.ts'
import { PageHead } from '../../ui/PageHead.tsx'
import { Split } from '../../ui/Split.tsx'
import { Empty } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { useUrl } from '../../ui/useUrl.ts'
import { SourceDetail } from './SourceDetail.tsx'
import { SourceState } from './SourceState.tsx'

type Source = Schemas['Source']

export default function SourcesPage() {
  const { t } = useTranslation()
  const [url, setUrl] = useUrl()
  const filters = { text: url.text, silent: url.silent, unparsed: url.unparsed }
  const list = useList<Source>(['sources', filters], (after) =>
    answer(api.GET('/api/v1/sources', { params: { query: { ...filters, after, limit: 200 } as never } })),
  )
  const columns = useMemo<Column<Source>[]>(
    () => [
      { key: 'state', title: t('source.state'), width: 116, render: (row) => <SourceState source={row} /> },
      {
        key: 'name',
        title: t('source.name'),
        width: 200,
        grow: true,
        render: (row) => (
          <span className="strong" title={row.key}>
            {row.name}
          </span>
        ),
      },
      {
        key: 'transport',
        minor: true,
        title: t('source.transport'),
        width: 100,
        render: (row) => <span className="mono">{row.transport}</span>,
      },
      {
        key: 'parser',
        minor: true,
        title: t('source.parser'),
        width: 150,
        render: (row) =>
          row.parser ? (
            <span className="mono">
              {row.parser}
              {row.pinned ? (
                <span className="chip" style={{ marginLeft: 6 }}>
                  {t('source.pinned')}
                </span>
              ) : null}
            </span>
          ) : (
            <span className="warn">{t('source.noParser')}</span>
          ),
      },
      {
        key: 'rate',
        title: t('source.rate'),
        width: 112,
        align: 'right',
        render: (row) => <span className="number">{formatRate(row.recordsPerSecond)}</span>,
      },
      {
        key: 'trend',
        minor: true,
        title: t('source.trend'),
        width: 116,
        render: (row) => <Trend id={row.id} />,
      },
      {
        key: 'parseRate',
        title: t('source.parseRate'),
        width: 84,
        align: 'right',
        render: (row) => (
          <span className={`number ${row.parseRate < 0.9 ? 'bad' : row.parseRate < 0.99 ? 'warn' : ''}`}>
            {formatShare(row.parseRate)}
          </span>
        ),
      },
      {
        key: 'unparsed',
        minor: true,
        title: t('source.unparsed'),
        width: 84,
        align: 'right',
        render: (row) => <span className="number">{formatNumber(row.unparsedCount)}</span>,
      },
      {
        key: 'count',
        minor: true,
        title: t('source.records'),
        width: 96,
        align: 'right',
        render: (row) => <span className="number">{formatNumber(row.recordCount)}</span>,
      },
      {
        key: 'lastSeen',
        minor: true,
        title: t('source.lastSeen'),
        width: 120,
        render: (row) => <Time value={row.lastSeenAt} as="ago" />,
      },
    ],
    [t],
  )
  return (
    <div className="page fill">
      <PageHead title={t('pages.sources')}>
        <FilterText value={url.text} placeholder={t('source.filterText')} onChange={(text) => setUrl({ text })} />
        <Filter
          label={t('source.state')}
          single
          value={url.silent}
          allLabel={t('filter.all')}
          options={[
            { value: 'true', label: t('source.silent') },
            { value: 'false', label: t('source.speaking') },
          ]}
          onChange={(silent) => setUrl({ silent })}
        />
        <Filter
          label={t('source.unparsed')}
          single
          value={url.unparsed}
          allLabel={t('filter.all')}
          options={[
            { value: 'true', label: t('source.someUnparsed') },
            { value: 'false', label: t('source.allParsed') },
          ]}
          onChange={(unparsed) => setUrl({ unparsed })}
        />
      </PageHead>
      <Split
        id="sources"
        detailLabel={t('pages.source')}
        onClose={() => setUrl({ id: undefined }, 'replace')}
        fullHref={url.id ? `/sources/${encodeURIComponent(url.id)}` : undefined}
        detail={url.id ? <SourceDetail key={url.id} id={url.id} /> : null}
      >
        <Table
          {...list}
          id="sources"
          label={t('pages.sources')}
          columns={columns}
          rowKey={(row) => row.id}
          activeKey={url.id}
          onOpen={(row) => setUrl({ id: row.id }, 'replace')}
          empty={
            <Empty title={t('source.none')}>
              <span style={{ display: 'block', textAlign: 'left' }}>
                {t('source.noneHint')}
                <code style={{ display: 'block', marginTop: 8 }}>
                  logger -n {location.hostname} -P 5514 --udp "hello"
                </code>
                <code style={{ display: 'block' }}>
                  curl -H "Authorization: Bearer …" --data-binary @app.ndjson {location.origin}/api/v1/ingest/app
                </code>
              </span>
            </Empty>
          }
        />
      </Split>
    </div>
  )
}

/** Records of the last hour, minute by minute. */
function Trend({ id }: { id: string }) {
  const { t } = useTranslation()
  const { data } = useQuery({
    queryKey: ['series', id, 60],
    queryFn: () => answer(api.GET('/api/v1/sources/{id}/series', { params: { path: { id }, query: { minutes: 60 } } })),
    staleTime: 60_000,
    retry: false,
  })
  return data ? <Sparkline label={t('source.trend')} values={data.items.map(({ records }) => records)} /> : null
}
