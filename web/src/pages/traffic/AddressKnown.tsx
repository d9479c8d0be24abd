import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useCan } from '../../api/session.tsx'
import { useSummary } from '../../api/useSummary.ts'
import { useSay } from '../../i18n/useSay.ts'
import { formatNumber } from '../../ui/format.ts'
import { Severity } from '../../ui/Severity.tsx'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { Card } from '../overview/Card.tsx'

const kinds = ['mac', 'name', 'os', 'service', 'software', 'certificate', 'user_agent', 'syn'] as const

/** What traffic told of the address, whose asset it is, and the incidents and detections that name it. */
export function AddressKnown({ address }: { address: string }) {
  return (
    <div className="overview">
      <Facts address={address} />
      <Assets address={address} />
      <Incidents address={address} />
      <Detections address={address} />
    </div>
  )
}

function Facts({ address }: { address: string }) {
  const { t } = useTranslation()
  const reason = useCan()('source:read')
  const { data, error } = useQuery({
    queryKey: ['hosts', address],
    queryFn: () => answer(api.GET('/api/v1/hosts', { params: { query: { text: address, limit: 200 } } })),
    enabled: reason === undefined,
  })
  const found = data?.items.filter((host) => host.address === address) ?? []
  return (
    <Card size="two-thirds" title={t('traffic.hostPage.facts')}>
      {reason ? <p className="faint">{reason}</p> : null}
      {error ? <Problem error={error} /> : null}
      {!data && !error && !reason ? <Skeleton rows={5} /> : null}
      {data && found.length === 0 ? <p className="soft">{t('traffic.hostPage.noFacts')}</p> : null}
      {found.map((host) => (
        <HostFacts key={host.id} host={host} />
      ))}
    </Card>
  )
}

function HostFacts({ host }: { host: Schemas['Host'] }) {
  const { t } = useTranslation()
  return (
    <div className="figure-rows">
      <table className="simple-table" data-testid="host-facts">
        <thead>
          <tr>
            <th>{t('traffic.hostPage.kind')}</th>
            <th>{t('traffic.value')}</th>
            <th>{t('traffic.hostPage.origin')}</th>
            <th>{t('source.firstSeen')}</th>
            <th>{t('source.lastSeen')}</th>
          </tr>
        </thead>
        <tbody>
          {host.facts.map((fact) => {
            const kind = kinds.find((name) => name === fact.kind)
            return (
              <tr key={`${fact.kind} ${fact.origin} ${fact.value}`}>
                <td className="nowrap">{kind ? t(`traffic.hostPage.kinds.${kind}`) : fact.kind}</td>
                <td className="mono">
                  {fact.value}
                  {fact.vendor ? <span className="faint"> {fact.vendor}</span> : null}
                </td>
                <td className="mono faint">{fact.origin}</td>
                <td>
                  <Time value={fact.firstSeenAt} />
                </td>
                <td>
                  <Time value={fact.lastSeenAt} />
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

function Assets({ address }: { address: string }) {
  const { t } = useTranslation()
  const reason = useCan()('source:read')
  const { data, error } = useQuery({
    queryKey: ['assets', 'of', address],
    queryFn: () => answer(api.GET('/api/v1/assets', { params: { query: { text: address, limit: 200 } } })),
    enabled: reason === undefined,
  })
  const found = data?.items.filter(({ addresses }) => addresses.includes(address)) ?? []
  return (
    <Card size="third" title={t('traffic.hostPage.asset')}>
      {reason ? <p className="faint">{reason}</p> : null}
      {error ? <Problem error={error} /> : null}
      {data && found.length === 0 ? <p className="soft">{t('traffic.hostPage.noAsset')}</p> : null}
      {found.map((asset) => (
        <p key={asset.id}>
          <Link to="/assets" search={{ text: address } as never}>
            {asset.name}
          </Link>{' '}
          <span className="chip">{t(`asset.criticalities.${asset.criticality}`)}</span>{' '}
          <span className="soft">{asset.owner ?? ''}</span>
        </p>
      ))}
    </Card>
  )
}

function Incidents({ address }: { address: string }) {
  const { t } = useTranslation()
  const say = useSay()
  const reason = useCan()('incident:read')
  const { data, error } = useQuery({
    queryKey: ['incidents', 'of', address],
    queryFn: () => answer(api.GET('/api/v1/incidents', { params: { query: { entity: address, limit: 20 } } })),
    enabled: reason === undefined,
  })
  return (
    <Card
      size="half"
      title={`${t('pages.incidents')} · ${formatNumber(data?.total ?? 0)}`}
      more={
        <Link to="/incidents" search={{ entity: address, status: 'all' } as never}>
          {t('overview.all')}
        </Link>
      }
    >
      {reason ? <p className="faint">{reason}</p> : null}
      {error ? <Problem error={error} /> : null}
      {data?.items.length === 0 ? <p className="soft">{t('traffic.hostPage.noIncidents')}</p> : null}
      <table className="simple-table">
        <tbody>
          {data?.items.map((incident) => (
            <tr key={incident.id}>
              <td style={{ width: 90 }}>
                <Severity value={incident.severity} />
              </td>
              <td>
                <Link to={`/incidents/${incident.id}` as '/'}>{say(incident.title)}</Link>
              </td>
              <td className="right">
                <Time value={incident.lastSeenAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  )
}

function Detections({ address }: { address: string }) {
  const { t } = useTranslation()
  const summaryOf = useSummary()
  const reason = useCan()('detection:read')
  const { data, error } = useQuery({
    queryKey: ['detections', 'of', address],
    queryFn: () => answer(api.GET('/api/v1/detections', { params: { query: { entity: address, limit: 20 } } })),
    enabled: reason === undefined,
  })
  return (
    <Card
      size="half"
      title={`${t('pages.detections')} · ${formatNumber(data?.total ?? 0)}`}
      more={
        <Link to="/detections" search={{ entity: address, from: 'all' } as never}>
          {t('overview.all')}
        </Link>
      }
    >
      {reason ? <p className="faint">{reason}</p> : null}
      {error ? <Problem error={error} /> : null}
      {data?.items.length === 0 ? <p className="soft">{t('traffic.hostPage.noDetections')}</p> : null}
      <table className="simple-table">
        <tbody>
          {data?.items.map((detection) => (
            <tr key={detection.id}>
              <td style={{ width: 90 }}>
                <Severity value={detection.severity} />
              </td>
              <td>
                <Link to={`/detections/${encodeURIComponent(detection.id)}` as '/'}>{summaryOf(detection)}</Link>
              </td>
              <td className="right">
                <Time value={detection.lastSeenAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  )
}
