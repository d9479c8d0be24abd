import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { Action } from '../../ui/Action.tsx'
import { Empty, Problem, Skeleton } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'

const TextDiff = lazy(async () => ({ default: (await import('./TextDiff.tsx')).TextDiff }))

interface HistoryTabProps {
  rule: Schemas['StoredRule']
  hasShipped: boolean
  reason: string | undefined
  onRollBack(version: number): void
  onTake(version: number): void
}

/** Versions with what was known of each, two of them side by side, and the way back to an older one. */
export function HistoryTab({ rule, hasShipped, reason, onRollBack, onTake }: HistoryTabProps) {
  const { t } = useTranslation()
  const { data, error } = useQuery({
    queryKey: ['rules', 'versions', rule.id, rule.revision],
    queryFn: () =>
      answer(api.GET('/api/v1/rules/{id}/versions', { params: { path: { id: rule.id }, query: { limit: 200 } } })),
  })
  const [pair, setPair] = useState<[number, number]>()
  if (error) return <Problem error={error} />
  if (!data) return <Skeleton rows={6} />
  const numbers = [...data.versions.map(({ version }) => version), ...(hasShipped ? [0] : [])]
  const [before, after] = pair ?? [numbers[1] ?? numbers[0]!, numbers[0]!]
  const name = (version: number) => (version === 0 ? t('workbench.shippedText') : t('workbench.version', { version }))
  return (
    <div className="workbench-pane">
      <table className="simple-table small" data-testid="rule-versions">
        <tbody>
          {data.versions.map((one) => (
            <tr key={one.version}>
              <td>
                <strong>{name(one.version)}</strong>{' '}
                {one.version === rule.liveVersion ? (
                  <span className="chip good">{t('workbench.stages.live')}</span>
                ) : null}
                {one.version === rule.testVersion ? <span className="chip">{t('workbench.stages.test')}</span> : null}
              </td>
              <td>
                <Time value={one.createdAt} /> {one.createdBy} <span className="faint">{one.note}</span>
              </td>
              <td>
                {one.sampleResult ? (
                  <span className={one.sampleResult.failed > 0 ? 'bad' : 'good'}>
                    {t('workbench.samplesVerdict', one.sampleResult)}
                  </span>
                ) : (
                  <span className="faint">{t('workbench.noSamples')}</span>
                )}
              </td>
              <td className="row">
                <Action onClick={() => setPair([one.version, numbers[0]!])}>{t('workbench.compare')}</Action>
                <Action onClick={() => onTake(one.version)}>{t('workbench.takeText')}</Action>
                {one.version === rule.liveVersion ? null : (
                  <Action reason={reason} testId={`roll-back-${one.version}`} onClick={() => onRollBack(one.version)}>
                    {rule.liveVersion === null || rule.liveVersion < one.version
                      ? t('workbench.putLive')
                      : t('workbench.rollBack')}
                  </Action>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {numbers.length > 1 ? (
        <section>
          <h3 className="section-title">
            <select
              className="input small"
              aria-label={t('workbench.before')}
              value={before}
              onChange={(event) => setPair([Number(event.target.value), after])}
            >
              {numbers.map((version) => (
                <option key={version} value={version}>
                  {name(version)}
                </option>
              ))}
            </select>
            {' → '}
            <select
              className="input small"
              aria-label={t('workbench.after')}
              value={after}
              onChange={(event) => setPair([before, Number(event.target.value)])}
            >
              {numbers.map((version) => (
                <option key={version} value={version}>
                  {name(version)}
                </option>
              ))}
            </select>
          </h3>
          <Difference ruleId={rule.id} before={before} after={after} />
        </section>
      ) : null}
      <section>
        <h3 className="section-title">{t('workbench.promotions')}</h3>
        {data.promotions.length === 0 ? <Empty title={t('workbench.neverRan')} /> : null}
        <ul className="small">
          {data.promotions.map((one) => (
            <li key={one.id}>
              <Time value={one.at} /> {one.by} {t(`workbench.stages.${one.stage}`)}:{' '}
              {one.before === null ? '—' : one.before} → {one.version === null ? '—' : one.version}{' '}
              <span className="faint">{one.note}</span>
            </li>
          ))}
        </ul>
      </section>
    </div>
  )
}

function Difference({ ruleId, before, after }: { ruleId: string; before: number; after: number }) {
  const text = (version: number) => ({
    queryKey: ['rules', 'version', ruleId, version],
    queryFn: () =>
      answer(api.GET('/api/v1/rules/{id}/versions/{version}', { params: { path: { id: ruleId, version } } })),
    staleTime: Number.POSITIVE_INFINITY,
  })
  const { data: one } = useQuery(text(before))
  const { data: other } = useQuery(text(after))
  if (!one || !other) return <Skeleton rows={6} />
  return (
    <Suspense fallback={<Skeleton rows={6} />}>
      <TextDiff before={one.yaml} after={other.yaml} />
    </Suspense>
  )
}
