import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Switch } from 'antd'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { inPlaceOf } from '../../api/problem.ts'
import { useCan } from '../../api/session.tsx'
import { useSay } from '../../i18n/useSay.ts'
import { isTactic } from '../../ui/attack.ts'
import { CanarySection } from '../../ui/CanarySection.tsx'
import { Copy } from '../../ui/Copy.tsx'
import { formatNumber } from '../../ui/format.ts'
import { Severity } from '../../ui/Severity.tsx'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { WhyNot } from '../../ui/WhyNot.tsx'
import { RuleLinks } from '../incidents/IncidentSummary.tsx'
import { useProblemWords } from '../workbench/useProblemWords.ts'
import { CanFire, useRuleSwitch, useRuleText } from './ruleControls.tsx'

/** What a rule looks for, whether it can fire now and why not, its evidence, its text. */
export function RuleDetail({ id, full = false }: { id: string; full?: boolean }) {
  const { t, i18n } = useTranslation()
  const say = useSay()
  const can = useCan()
  const change = useRuleSwitch()
  const inLanguage = useRuleText()
  const words = useProblemWords()
  const {
    data: rule,
    error,
    refetch,
  } = useQuery({
    queryKey: ['rules', 'one', id],
    queryFn: () => answer(api.GET('/api/v1/rules/{id}', { params: { path: { id } } })),
  })
  if (inPlaceOf(rule, error))
    return (
      <div className="detail">
        <div className="detail-body">
          <Problem error={error} onRetry={() => void refetch()} list={{ to: '/rules', name: 'rules' }} />
        </div>
      </div>
    )
  if (!rule)
    return (
      <div className="detail">
        <div className="detail-body">
          <Skeleton rows={10} />
        </div>
      </div>
    )
  const reason = can('rule:write')
  const text = inLanguage(rule)
  const steps = i18n.language === 'en' ? rule.steps.en : rule.steps.zh
  return (
    <div className={`detail ${full ? 'full' : ''}`} data-testid="rule-detail">
      <div className="detail-head">
        <h2>{text.title}</h2>
        <div className="row wrap">
          <Severity value={rule.severity} />
          <CanFire rule={rule} />
          <span className="chip">{t(`rule.kinds.${rule.kind}`)}</span>
          <span className="chip">{rule.status}</span>
          <code className="faint">{rule.id}</code> <Copy text={rule.id} />
        </div>
        <div className="row wrap">
          <span className="row" title={reason}>
            <Switch
              checked={rule.enabled}
              disabled={reason !== undefined || change.isPending}
              aria-label={t('rule.on')}
              data-testid="rule-switch"
              onChange={(enabled) => change.mutate({ ...rule, enabled })}
            />
            {rule.enabled ? t('rule.enabled') : t('rule.disabled')}
          </span>
          {rule.kind === 'detection' || rule.kind === 'correlation' ? (
            <Link className="button" to="/workbench" search={{ id: rule.textId } as never} data-testid="open-workbench">
              {t('workbench.edit')}
            </Link>
          ) : null}
          <Link className="button" to="/detections" search={{ rule: id, from: 'all' } as never}>
            {t('rule.openDetections')}
          </Link>
          <Link className="button" to="/incidents" search={{ rule: id, status: 'all' } as never}>
            {t('rule.openIncidents')}
          </Link>
        </div>
      </div>
      <div className="detail-body">
        {rule.canFire ? null : (
          <section className="state error" data-testid="cannot-fire">
            <h3>{t('rule.whyNot')}</h3>
            <WhyNot reasons={rule.cannotFire} />
            {rule.problems.length > 0 ? (
              <ul>
                {rule.problems.map((text) => (
                  <li key={text}>· {words.message(text)}</li>
                ))}
              </ul>
            ) : null}
            <Link className="button" to="/sources">
              {t('rule.toSources')}
            </Link>
          </section>
        )}
        {rule.kind === 'detection' || rule.kind === 'correlation' ? <CanarySection rule={rule.id} /> : null}
        <section>
          <h3>{t('rule.what')}</h3>
          <p style={{ whiteSpace: 'pre-wrap' }}>{text.description || '—'}</p>
        </section>
        {say(rule.misses) ? (
          <section>
            <h3>{t('rule.misses')}</h3>
            <p>{say(rule.misses)}</p>
          </section>
        ) : null}
        {steps.length > 0 ? (
          <section>
            <h3>{t('rule.steps')}</h3>
            <ol>
              {steps.map((step, index) => (
                <li key={step}>
                  {index + 1}. {step}
                </li>
              ))}
            </ol>
          </section>
        ) : null}
        {rule.parts.length > 0 ? (
          <section>
            <h3>{t('rule.parts')}</h3>
            <RuleLinks ids={rule.parts} />
          </section>
        ) : null}
        <dl className="facts">
          <dt>{t('incident.tactics')}</dt>
          <dd>{rule.tactics.map((name) => (isTactic(name) ? t(`tactic.${name}`) : name)).join(' · ') || '—'}</dd>
          <dt>{t('incident.techniques')}</dt>
          <dd className="mono">{rule.techniques.join(' · ') || '—'}</dd>
          <dt>{t('rule.logsource')}</dt>
          <dd className="mono">
            {[rule.logsource.product, rule.logsource.service, rule.logsource.category].filter(Boolean).join(' / ') ||
              '—'}
          </dd>
          <dt>{t('rule.reads')}</dt>
          <dd className="mono">{rule.fields.join(' · ') || '—'}</dd>
          <dt>{t('rule.fired')}</dt>
          <dd className="number">
            {formatNumber(rule.firedCount)} · {t('rule.firedDay')} {formatNumber(rule.firedCountLastDay)}
          </dd>
          <dt>{t('rule.lastFired')}</dt>
          <dd>
            <Time value={rule.lastFiredAt} as="ago" empty={t('rule.never')} />
          </dd>
          <dt>{t('rule.author')}</dt>
          <dd>{rule.author ?? '—'}</dd>
        </dl>
        {rule.falsePositives.length > 0 ? (
          <section>
            <h3>{t('rule.falsePositives')}</h3>
            <ul>
              {rule.falsePositives.map((text) => (
                <li key={text}>· {text}</li>
              ))}
            </ul>
          </section>
        ) : null}
        {rule.yaml === '' ? null : (
          <section>
            <h3>
              YAML <Copy text={rule.yaml} />
            </h3>
            <pre className="raw" style={{ maxHeight: 'none' }} data-testid="rule-yaml">
              {rule.yaml}
            </pre>
          </section>
        )}
        {rule.history.length > 0 ? (
          <section>
            <h3>{t('rule.history')}</h3>
            <ul>
              {rule.history.map((entry) => (
                <li key={entry.changedAt}>
                  <Time value={entry.changedAt} /> {entry.changedBy}{' '}
                  {entry.enabled ? t('rule.enabled') : t('rule.disabled')} <span className="faint">{entry.note}</span>
                </li>
              ))}
            </ul>
          </section>
        ) : null}
        <Samples title={t('rule.fires')} samples={rule.samples.fires} />
        <Samples title={t('rule.silent')} samples={rule.samples.silent} />
        {rule.references.length > 0 ? (
          <section>
            <h3>{t('rule.references')}</h3>
            <ul className="mono small">
              {rule.references.map((text) => (
                <li key={text}>{text}</li>
              ))}
            </ul>
          </section>
        ) : null}
      </div>
    </div>
  )
}

function Samples({ title, samples }: { title: string; samples: { parser: string; lines: string[] }[] }) {
  if (samples.length === 0) return null
  return (
    <section>
      <h3>
        {title} <span className="faint number">{formatNumber(samples.length)}</span>
      </h3>
      {samples.slice(0, 5).map(({ parser, lines }) => (
        <div key={parser + lines.join('\n')} style={{ marginBottom: 6 }}>
          <span className="faint small mono">{parser}</span>
          <pre className="raw small">{lines.join('\n')}</pre>
        </div>
      ))}
    </section>
  )
}
