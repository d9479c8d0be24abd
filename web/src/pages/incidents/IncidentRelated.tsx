import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { useSay } from '../../i18n/useSay.ts'
import { Severity } from '../../ui/Severity.tsx'
import { Time } from '../../ui/Time.tsx'

/** Incidents of all units the reader sees that share an attacker or a target with this one; nothing when there are none. */
export function IncidentRelated({ id }: { id: number }) {
  const { t } = useTranslation()
  const say = useSay()
  const { data } = useQuery({
    queryKey: ['incidents', 'related', id],
    queryFn: () => answer(api.GET('/api/v1/incidents/{id}/related', { params: { path: { id } } })),
  })
  const units = useQuery({ queryKey: ['units'], queryFn: () => answer(api.GET('/api/v1/units')), staleTime: 60_000 })
  if (!data || data.items.length === 0) return null
  const nameOf = new Map(units.data?.items.map(({ path, name }) => [path, name]))
  return (
    <section data-testid="related">
      <h3>{t('incident.related')}</h3>
      <table className="simple-table">
        <tbody>
          {data.items.map((incident) => (
            <tr key={incident.id}>
              <td style={{ width: 84 }}>
                <Severity value={incident.severity} />
              </td>
              <td>
                <Link to={`/incidents/${incident.id}` as '/'}>{say(incident.title)}</Link>
                <div className="faint small">
                  {nameOf.get(incident.unitPath) ?? incident.unitPath} · {t(`incident.status.${incident.status}`)} ·{' '}
                  <Time value={incident.lastSeenAt} as="ago" />
                </div>
              </td>
              <td className="mono small right">
                {incident.shared
                  .slice(0, 3)
                  .map(({ value }) => value)
                  .join(', ')}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
