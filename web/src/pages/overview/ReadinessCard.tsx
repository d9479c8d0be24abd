import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { Sparkline } from '../../charts/Sparkline.tsx'
import { formatNumber, formatShare } from '../../ui/format.ts'
import { WhyNot } from '../../ui/WhyNot.tsx'
import { Card } from './Card.tsx'

/** The rules that the card counts as unable to fire. */
const cannotFire = { canFire: 'false', enabled: 'true', stage: 'live' }

/** Rules that could fire and cannot any more, as a list. */
export const stoppedRules = { stopped: 'true', enabled: 'true', stage: 'live' }

/** How many rules can fire, and why not; asked once for all that show it. */
export function useReadiness(enabled: boolean) {
  return useQuery({
    queryKey: ['rules', 'readiness'],
    queryFn: () => answer(api.GET('/api/v1/readiness')),
    retry: false,
    refetchInterval: 60_000,
    enabled,
  })
}

/** How many of the enabled rules can fire now, how it was, and why the others cannot. */
export function Readiness() {
  const { t } = useTranslation()
  const { data } = useReadiness(true)
  if (!data) return null
  const share = data.enabled === 0 ? 1 : data.canFire / data.enabled
  const before = Math.max(data.canFire, ...data.history.map(({ canFire }) => canFire))
  return (
    <Card size="third" title={t('readiness.title')} more={<Link to="/attack">{t('readiness.toMatrix')}</Link>}>
      <div className="figures" data-testid="readiness">
        <Link to="/rules" search={cannotFire as never}>
          <b className={share < 0.5 ? 'warn' : undefined}>
            {formatNumber(data.canFire)}
            <span className="faint">/{formatNumber(data.enabled)}</span>
          </b>
          <span className="soft">{t('readiness.of', { share: formatShare(share) })}</span>
        </Link>
        {data.history.length > 1 ? (
          <div>
            <Sparkline
              width={150}
              height={30}
              values={data.history.map(({ canFire }) => canFire)}
              label={t('readiness.history')}
            />
            <span className="soft">
              {before > data.canFire ? t('readiness.fell', { before: formatNumber(before) }) : t('readiness.history')}
            </span>
          </div>
        ) : null}
      </div>
      {data.causes.length > 0 ? (
        <section data-testid="stopped" style={{ marginTop: 10 }}>
          <Link className="bad strong" to="/rules" search={stoppedRules as never}>
            ▲ {t('readiness.stopped', { count: data.stopped })}
          </Link>
          <WhyNot reasons={data.causes.slice(0, 5)} />
        </section>
      ) : null}
      <table className="simple-table" style={{ marginTop: 10 }}>
        <tbody>
          {data.reasons.slice(0, 5).map(({ code, count }) => (
            <tr key={code}>
              <td>
                <Link to="/rules" search={{ ...cannotFire, why: code } as never}>
                  {t(`rule.cannotReason.${code}`)}
                </Link>
              </td>
              <td className="right number">{formatNumber(count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  )
}
