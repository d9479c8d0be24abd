import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { Histogram } from '../../charts/Histogram.tsx'
import { Action } from '../../ui/Action.tsx'
import { PageHead } from '../../ui/PageHead.tsx'
import { withClause } from '../../ui/query.ts'
import { Empty, Problem, Skeleton } from '../../ui/States.tsx'
import { Tabs } from '../../ui/Tabs.tsx'
import { TimePicker } from '../../ui/TimePicker.tsx'
import { useUrl } from '../../ui/useUrl.ts'
import { ValueMenu } from '../../ui/Value.tsx'
import { QueryBar } from '../search/QueryBar.tsx'
import { Breakdowns, Talkers, Totals } from './Breakdowns.tsx'
import { CaptureUpload } from './CaptureUpload.tsx'
import { Facets } from './Facets.tsx'
import { Files } from './Files.tsx'
import { Rare } from './Rare.tsx'
import { type IsoSpan, useSpan } from './span.ts'
import '../overview/overview.css'
import '../search/search.css'
import './traffic.css'

const tabs = ['talk', 'rare', 'encrypted', 'files'] as const
const tlsRecords = '(event.dataset:tls OR event.dataset:zeek.ssl OR event.dataset:suricata.tls)'

/** Who talks to whom, what is new and rare, what is encrypted, which files travelled; every figure opens its events. */
export default function TrafficPage() {
  const { t } = useTranslation()
  const [url, setUrl] = useUrl()
  const { range, span, askAgain } = useSpan()
  const query = url.query ?? ''
  const tab = tabs.find((name) => name === url.tab) ?? 'talk'
  const ask = (changes: Record<string, string | undefined>) => {
    askAgain()
    setUrl(changes)
  }
  const actions = {
    include: (field: string, value: string) => ask({ query: withClause(query, field, value) }),
    exclude: (field: string, value: string) => ask({ query: withClause(query, field, value, true) }),
    range: span,
  }
  const wide = () => ask({ from: 'all', to: 'now' })
  // What was just taken in is stored a moment later: its first figures are waited for.
  const [awaited, setAwaited] = useState(false)
  const onUploaded = () => {
    setAwaited(true)
    wide()
  }
  return (
    <ValueMenu actions={actions}>
      <div className="page" data-testid="traffic-page">
        <PageHead title={t('pages.traffic')}>
          <CaptureUpload onDone={onUploaded} />
        </PageHead>
        <div className="search-head">
          <QueryBar query={query} range={span} onSubmit={(next) => ask({ query: next || undefined })} />
          <TimePicker anyTime value={range} onChange={(next) => ask({ from: next.from, to: next.to })} />
        </div>
        <Tabs
          label={t('pages.traffic')}
          active={tab}
          onChange={(key) => setUrl({ tab: key === 'talk' ? undefined : key }, 'replace')}
          tabs={tabs.map((key) => ({ key, label: t(`traffic.tabs.${key}`) }))}
        />
        {tab === 'talk' ? (
          <Talk query={query} span={span} isAll={range.from === 'all'} awaited={awaited} onWide={wide} onSpan={ask} />
        ) : null}
        {tab === 'rare' ? <Rare query={query} span={span} /> : null}
        {tab === 'encrypted' ? (
          <div className="overview">
            <Facets
              query={query === '' ? tlsRecords : `${tlsRecords} AND (${query})`}
              span={span}
              fields={{
                'tls.version': t('traffic.encrypted.version'),
                'tls.cipher': t('traffic.encrypted.cipher'),
                'tls.client.server_name': t('traffic.encrypted.name'),
                'tls.server.subject': t('traffic.encrypted.subject'),
                'tls.server.issuer': t('traffic.encrypted.issuer'),
                'tls.server.not_after': t('traffic.encrypted.notAfter'),
                'traffic.tls.self_signed': t('traffic.encrypted.selfSigned'),
                'tls.client.ja4': t('traffic.encrypted.ja4'),
              }}
            />
          </div>
        ) : null}
        {tab === 'files' ? (
          <div style={{ flex: 1, minHeight: 360, display: 'flex', flexDirection: 'column' }}>
            <Files query={query} span={span} />
          </div>
        ) : null}
      </div>
    </ValueMenu>
  )
}

interface TalkProps {
  query: string
  span: IsoSpan
  isAll: boolean
  awaited: boolean
  onWide(): void
  onSpan(span: { from: string; to: string }): void
}

function Talk({ query, span, isAll, awaited, onWide, onSpan }: TalkProps) {
  const { t } = useTranslation()
  const { data, error, refetch } = useQuery({
    queryKey: ['traffic', 'summary', query, span],
    queryFn: ({ signal }) => answer(api.POST('/api/v1/traffic/summary', { body: { query, ...span }, signal })),
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: ({ state }) => (awaited && state.data?.flows === 0 ? 2000 : false),
  })
  const histogram = useQuery({
    queryKey: ['histogram', data?.query, span],
    queryFn: ({ signal }) =>
      answer(api.POST('/api/v1/search/histogram', { body: { query: data?.query, ...span, buckets: 90 }, signal })),
    enabled: (data?.flows ?? 0) > 0 && !isAll,
    staleTime: Number.POSITIVE_INFINITY,
  })
  if (error) return <Problem error={error} onRetry={() => void refetch()} />
  if (!data) return <Skeleton rows={12} />
  if (data.flows === 0) {
    return (
      <Empty
        title={t('traffic.none')}
        action={
          isAll ? undefined : (
            <Action primary onClick={onWide}>
              {t('traffic.anyTime')}
            </Action>
          )
        }
      >
        {t('traffic.noneHint')}
        <code style={{ display: 'block', marginTop: 8 }}>
          watchfire sensor --interface eth0 --url {location.origin} --token-file token
        </code>
      </Empty>
    )
  }
  return (
    <div className="overview">
      <div className="card" style={{ padding: '10px 14px' }}>
        <Totals summary={data} span={span} />
        {histogram.data ? (
          <Histogram
            buckets={histogram.data.buckets}
            intervalMs={histogram.data.intervalMs}
            label={t('traffic.flows')}
            onZoom={(fromMs, toMs) =>
              onSpan({ from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() })
            }
          />
        ) : null}
      </div>
      <Breakdowns summary={data} span={span} names={['directions', 'units', 'pairs']} />
      <Talkers summary={data} span={span} />
      <Breakdowns summary={data} span={span} names={['protocols', 'services', 'countriesTo', 'countriesFrom']} />
    </div>
  )
}
