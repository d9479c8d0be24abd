import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { PageHead } from '../../ui/PageHead.tsx'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { Tabs } from '../../ui/Tabs.tsx'
import { TimePicker } from '../../ui/TimePicker.tsx'
import { useUrl } from '../../ui/useUrl.ts'
import { ValueMenu } from '../../ui/Value.tsx'
import { AddressKnown } from './AddressKnown.tsx'
import { Breakdowns, ofAddress, Totals } from './Breakdowns.tsx'
import { Facets } from './Facets.tsx'
import { Files } from './Files.tsx'
import { type IsoSpan, useSpan } from './span.ts'
import '../overview/overview.css'
import './traffic.css'

const tabs = ['seen', 'talk', 'names', 'files'] as const

/** Everything seen of one address: what traffic told of it, whom it talks to, what it asked for, and what came of it. */
export default function AddressPage() {
  const { t } = useTranslation()
  const [url, setUrl] = useUrl()
  // In the query, since a dotted path asks the server for a file.
  const address = url.ip ?? ''
  const { range, span, askAgain } = useSpan('now-30d')
  const tab = tabs.find((name) => name === url.tab) ?? 'seen'
  const query = ofAddress(address)
  return (
    <ValueMenu actions={{ range: span }}>
      <div className="page" data-testid="address-page">
        <PageHead title={<span className="mono">{address}</span>} hint={t('pages.address')}>
          <Link className="button" to="/search" search={{ query, from: span.from, to: span.to } as never}>
            {t('traffic.hostPage.events')}
          </Link>
          <TimePicker
            anyTime
            value={range}
            onChange={(next) => {
              askAgain()
              setUrl({ from: next.from, to: next.to })
            }}
          />
        </PageHead>
        <Tabs
          label={address}
          active={tab}
          onChange={(key) => setUrl({ tab: key === 'seen' ? undefined : key }, 'replace')}
          tabs={tabs.map((key) => ({ key, label: t(`traffic.hostPage.tabs.${key}`) }))}
        />
        {tab === 'seen' ? <AddressKnown address={address} /> : null}
        {tab === 'talk' ? <Talk query={query} span={span} /> : null}
        {tab === 'names' ? (
          <div className="overview">
            <Facets
              query={query}
              span={span}
              fields={{
                'event.dataset': t('traffic.records'),
                'network.protocol': t('traffic.protocol'),
                'dns.question.name': t('traffic.rare.dns_question_name'),
                'tls.client.server_name': t('traffic.encrypted.name'),
                'tls.server.subject': t('traffic.encrypted.subject'),
                'user.name': t('entity.user'),
                'user_agent.original': t('traffic.hostPage.kinds.user_agent'),
                'destination.port': t('traffic.port'),
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

function Talk({ query, span }: { query: string; span: IsoSpan }) {
  const { data, error, refetch } = useQuery({
    queryKey: ['traffic', 'summary', query, span],
    queryFn: ({ signal }) => answer(api.POST('/api/v1/traffic/summary', { body: { query, ...span }, signal })),
    staleTime: Number.POSITIVE_INFINITY,
  })
  if (error) return <Problem error={error} onRetry={() => void refetch()} />
  if (!data) return <Skeleton rows={10} />
  return (
    <div className="overview">
      <div className="card" style={{ padding: '10px 14px' }}>
        <Totals summary={data} span={span} />
      </div>
      <Breakdowns
        summary={data}
        span={span}
        names={['pairs', 'services', 'protocols', 'directions', 'countriesTo', 'countriesFrom']}
      />
    </div>
  )
}
