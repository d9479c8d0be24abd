import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useCan } from '../../api/session.tsx'
import { useRuleNames } from '../../api/useRuleTitle.ts'
import { countedStages } from '../../ui/attack.ts'
import { fieldOfEntity } from '../../ui/entity.ts'
import { formatNumber } from '../../ui/format.ts'
import { Severity } from '../../ui/Severity.tsx'
import { Stage } from '../../ui/Stage.tsx'
import { Value } from '../../ui/Value.tsx'
import { RuleLink } from './IncidentSummary.tsx'

type Incident = Schemas['Incident']

/** Targets named before the rest is only counted, and steps of a rule that are shown. */
const targetsShown = 3
const stepsShown = 3

/** The incident in ten seconds: how far it went, who did it to whom, how sure that is, what to do first. */
export function IncidentGlance({ incident }: { incident: Incident }) {
  const { t } = useTranslation()
  const worst = useWorstRule(incident)
  const actor = incident.entities.find(({ role }) => role === 'actor')
  const targets = incident.entities.filter(({ role, type }) => role === 'target' && (type === 'host' || type === 'ip'))
  const name = (entity: Incident['entities'][number]) => (
    <Value
      key={`${entity.type}${entity.value}`}
      field={fieldOfEntity[entity.type]}
      value={entity.value}
      focusable
      className="mono"
    />
  )
  return (
    <div className="glance" data-testid="glance">
      <Cell title={t('incident.glance.reached')}>
        <b>
          <Stage tactics={incident.tactics} counted={countedStages(incident.scoreParts)} />
        </b>
        {worst ? <RuleLink id={worst} /> : null}
      </Cell>
      <Cell title={t('incident.glance.whom')}>
        <span>{actor ? name(actor) : <span className="faint">{t('incident.glance.unknown')}</span>}</span>
        <span>
          → {targets.slice(0, targetsShown).map((target, index) => [index > 0 ? ' · ' : '', name(target)])}
          {targets.length > targetsShown ? (
            <span className="faint"> +{formatNumber(targets.length - targetsShown)}</span>
          ) : null}
        </span>
      </Cell>
      <Cell title={t('incident.glance.sure')}>
        <b className="number">
          {formatNumber(incident.score)} <span className="faint small">/ 100</span>
        </b>
        <span className="soft">
          <Severity value={incident.severity} bare />{' '}
          {t('incident.glance.evidence', {
            detections: formatNumber(incident.detectionCount),
            rules: formatNumber(incident.ruleIds.length),
          })}
        </span>
      </Cell>
      {worst ? <Steps rule={worst} /> : null}
    </div>
  )
}

function Cell({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div>
      <h3>{title}</h3>
      {children}
    </div>
  )
}

/** The first steps that the gravest rule advises. */
function Steps({ rule }: { rule: string }) {
  const { t, i18n } = useTranslation()
  const mayRead = useCan()('rule:read') === undefined
  const { data } = useQuery({
    queryKey: ['rules', 'one', rule],
    queryFn: () => answer(api.GET('/api/v1/rules/{id}', { params: { path: { id: rule } } })),
    staleTime: 300_000,
    enabled: mayRead,
    retry: false,
  })
  const steps = data?.steps[i18n.language === 'en' ? 'en' : 'zh'] ?? []
  if (steps.length === 0) return null
  return (
    <div className="next">
      <h3>{t('incident.glance.next')}</h3>
      <ol data-testid="next-steps">
        {steps.slice(0, stepsShown).map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
    </div>
  )
}

/** The rule that gives the score its largest part, as the server names it there. */
function useWorstRule({ scoreParts, ruleIds }: Incident): string | undefined {
  const { data } = useRuleNames()
  const title = scoreParts.find(({ name }) => name === 'severity')?.because.rule
  const known = data?.items.find((rule) => rule.title === title && ruleIds.includes(rule.id))
  return known?.id ?? ruleIds[0]
}
