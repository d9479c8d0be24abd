import { Link } from '@tanstack/react-router'
import type { TOptions } from 'i18next'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../../api/client.ts'
import { useRuleTitle } from '../../api/useRuleTitle.ts'
import { useInLanguage } from '../../i18n/useInLanguage.ts'
import { useSay } from '../../i18n/useSay.ts'
import { AddressCredit } from '../../ui/AddressCredit.tsx'
import { isTactic } from '../../ui/attack.ts'
import { fieldOfEntity } from '../../ui/entity.ts'
import { formatDuration, formatNumber } from '../../ui/format.ts'
import { severities } from '../../ui/Severity.tsx'
import { Time } from '../../ui/Time.tsx'
import { Value } from '../../ui/Value.tsx'
import { IncidentRelated } from './IncidentRelated.tsx'
import { IncidentTimeline } from './IncidentTimeline.tsx'

type Incident = Schemas['IncidentDetail']

/** The story, the parts of the score, who and what is involved. */
export function IncidentSummary({ incident, full }: { incident: Incident; full: boolean }) {
  const { t } = useTranslation()
  const say = useSay()
  const inLanguage = useInLanguage()
  return (
    <div
      style={
        full
          ? {
              display: 'grid',
              gridTemplateColumns: 'repeat(auto-fit, minmax(min(420px, 100%), 1fr))',
              gap: '20px 32px',
            }
          : { display: 'contents' }
      }
    >
      <section>
        <h3>{t('incident.story')}</h3>
        <p data-testid="story" style={{ fontSize: 14, lineHeight: 1.7 }}>
          {say(incident.story)}
        </p>
      </section>
      <section>
        <h3>{t('incident.why')}</h3>
        <Score incident={incident} />
      </section>
      <section>
        <h3>{t('incident.entities')}</h3>
        <table className="simple-table">
          <tbody>
            {incident.entities.map((entity) => (
              <tr key={`${entity.type}${entity.value}${entity.role}`}>
                <td className="soft" style={{ width: 90 }}>
                  {t(`entity.${entity.type}`)}
                </td>
                <td className="mono">
                  <Value field={fieldOfEntity[entity.type]} value={entity.value} focusable />
                </td>
                <td className="soft small">{[entity.country, entity.organisation].filter(Boolean).join(' · ')}</td>
                <td className="faint right" style={{ whiteSpace: 'nowrap' }}>
                  {t(`entity.role.${entity.role}`)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {incident.entities.some(({ organisation }) => organisation) ? <AddressCredit /> : null}
      </section>
      <section>
        <h3>{t('incident.facts')}</h3>
        <dl className="facts">
          <dt>{t('incident.tactics')}</dt>
          <dd className="row wrap">
            {incident.tactics.map((name) => (
              <span key={name} className="chip">
                {isTactic(name) ? t(`tactic.${name}`) : name}
              </span>
            ))}
          </dd>
          <dt>{t('incident.techniques')}</dt>
          <dd className="mono">{incident.techniques.join(' · ') || '—'}</dd>
          <dt>{t('incident.rules')}</dt>
          <dd>
            {incident.rules.map(({ id, title, titleZh, author }) => (
              <div key={id}>
                <RuleLink id={id} title={inLanguage(title, titleZh)} /> <RuleOrigin id={id} author={author} />
              </div>
            ))}
          </dd>
          <dt>{t('incident.firstSeen')}</dt>
          <dd>
            <Time value={incident.firstSeenAt} as="full" />
          </dd>
          <dt>{t('incident.lastSeen')}</dt>
          <dd>
            <Time value={incident.lastSeenAt} as="full" />
          </dd>
          <dt>{t('incident.duration')}</dt>
          <dd>{formatDuration(Math.max(0, Date.parse(incident.lastSeenAt) - Date.parse(incident.firstSeenAt)))}</dd>
          <dt>{t('incident.created')}</dt>
          <dd>
            <Time value={incident.openedAt} as="full" />
          </dd>
          {incident.closedAt ? (
            <>
              <dt>{t('incident.closedAt')}</dt>
              <dd>
                <Time value={incident.closedAt} as="full" />
              </dd>
            </>
          ) : null}
          <dt>{t('incident.assignee')}</dt>
          <dd>{incident.assigneeName ?? t('incident.nobody')}</dd>
        </dl>
      </section>
      <IncidentRelated id={incident.id} />
      {full ? (
        <div className="column" style={{ gridColumn: '1 / -1' }}>
          <IncidentTimeline id={incident.id} />
        </div>
      ) : null}
    </div>
  )
}

const scoreNames = [
  'severity',
  'rules',
  'stages',
  'success_after_attempt',
  'asset_criticality',
  'threat_intelligence',
  'spread',
  'volume',
  'ceiling',
] as const

/** Bars in proportion to the largest part; the sum is written out so that it can be checked. */
function Score({ incident }: { incident: Incident }) {
  const { t } = useTranslation()
  const inLanguage = useInLanguage()
  const most = Math.max(1, ...incident.scoreParts.map(({ points }) => Math.abs(points)))
  const sum = incident.scoreParts.reduce((total, { points }) => total + points, 0)
  return (
    <table className="simple-table" data-testid="score">
      <tbody>
        {incident.scoreParts.map(({ name, points, because }) => {
          const known = scoreNames.find((candidate) => candidate === name)
          return (
            <tr key={name}>
              <td style={{ width: '30%' }}>{known ? t(`scorePart.${known}`) : name}</td>
              <td className="soft">
                {known
                  ? String(t(`scoreBecause.${known}`, inWords(because) as TOptions))
                  : Object.values(because).join(' ')}
                <div
                  style={{
                    height: 4,
                    marginTop: 3,
                    borderRadius: 2,
                    width: `${(Math.abs(points) / most) * 100}%`,
                    background: points < 0 ? 'var(--good)' : 'var(--accent)',
                  }}
                />
              </td>
              <td className="right number strong" style={{ width: 56 }}>
                {points > 0 ? '+' : ''}
                {formatNumber(points, 1)}
              </td>
            </tr>
          )
        })}
        <tr>
          <td className="strong">{t('incident.score')}</td>
          <td className="faint">
            {Math.abs(sum - incident.score) > 0.05 ? t('incident.capped', { sum: formatNumber(sum, 1) }) : ''}
          </td>
          <td className="right number strong" style={{ fontSize: 15 }}>
            {formatNumber(incident.score, 1)}
          </td>
        </tr>
      </tbody>
    </table>
  )

  /** Values that are words of the product, in the reader's language. */
  function inWords(because: Record<string, string | number>): Record<string, string> {
    return Object.fromEntries(
      Object.entries(because).map(([key, value]) => {
        if (typeof value === 'number') return [key, formatNumber(value)]
        const severity = severities.find((name) => name === value)
        if (key === 'severity' && severity) return [key, t(`severity.${severity}`)]
        const criticality = (['low', 'medium', 'high', 'critical'] as const).find((name) => name === value)
        if (key === 'criticality' && criticality) return [key, t(`asset.criticalities.${criticality}`)]
        if (key === 'rule') return [key, inLanguage(value, because.ruleZh?.toString())]
        if (key === 'stages')
          return [
            key,
            value
              .split(', ')
              .map((name) => (isTactic(name) ? t(`tactic.${name}`) : name))
              .join(t('punctuation.list')),
          ]
        return [key, value]
      }),
    )
  }
}

export function RuleLinks({ ids }: { ids: string[] }) {
  return ids.map((id) => (
    <div key={id}>
      <RuleLink id={id} />
    </div>
  ))
}

/** Id and author of a rule: licences of rule sets ask for both wherever its alerts are shown. */
export function RuleOrigin({ id, author }: { id: string; author: string | null }) {
  const { t } = useTranslation()
  const by = author ? `${t('rule.author')}${t('punctuation.colon')}${author} · ` : ''
  return (
    <div className="faint small ellipsis" data-testid="rule-origin" title={by + id}>
      {by}
      <code>{id}</code>
    </div>
  )
}

/** A rule by its title, as told or as looked up; by its id where the role may not read rules or the rule is gone. */
export function RuleLink({ id, title }: { id: string; title?: string }) {
  const titleOf = useRuleTitle()
  return <Link to={`/rules/${encodeURIComponent(id)}` as '/'}>{title ?? titleOf(id)}</Link>
}
