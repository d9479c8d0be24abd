import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../api/client.ts'
import { useInLanguage } from '../i18n/useInLanguage.ts'
import { formatDuration, formatNumber } from './format.ts'
import { Time } from './Time.tsx'
import { Value } from './Value.tsx'

type Why = Schemas['CorrelationWhy']
type Group = Why['groups'][number]

const signs = { gt: '>', gte: '≥', lt: '<', lte: '≤', eq: '=', neq: '≠' } as const
const mark = (holds: boolean) => <span className={holds ? 'good' : 'bad'}>{holds ? '✓' : '✗'}</span>

/** Which part of a correlation's condition is fulfilled in which group, which is not, and what was not counted at all. */
export function CorrelationWhy({ why }: { why: Why }) {
  const { t } = useTranslation()
  const inLanguage = useInLanguage()
  const titleOf = (rule: string) => {
    const title = why.titles[rule]
    return title ? inLanguage(title.en, title.zh) : rule
  }
  return (
    <div className="column" style={{ gap: 8 }} data-testid="correlation-why">
      <p>
        {mark(why.fires)} {why.fires ? t('correlationWhy.fires') : t('correlationWhy.silent')}{' '}
        <span className="soft">
          {t('correlationWhy.span', { type: why.type, duration: formatDuration(why.timespanMs) })}
        </span>
      </p>
      <table className="simple-table">
        <thead>
          <tr>
            <th>{t('correlationWhy.part')}</th>
            <th className="right">{t('correlationWhy.matches')}</th>
            <th className="right">{t('correlationWhy.uncounted')}</th>
          </tr>
        </thead>
        <tbody>
          {why.rules.map(({ rule, matches, uncounted }) => (
            <tr key={rule}>
              <td>
                {mark(matches > uncounted)} {titleOf(rule)}
              </td>
              <td className="right number">{formatNumber(matches)}</td>
              <td className={`right number ${uncounted > 0 ? 'warn' : 'faint'}`}>{formatNumber(uncounted)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {why.groups.map((group) => (
        <GroupWhy key={JSON.stringify([group.scope, group.group])} group={group} titleOf={titleOf} />
      ))}
      {why.groupsLeftOut > 0 ? (
        <p className="faint small">{t('correlationWhy.leftOut', { number: formatNumber(why.groupsLeftOut) })}</p>
      ) : null}
      {why.uncounted.length > 0 ? (
        <ul className="plain small">
          {why.uncounted.map(({ eventId, rule, field }) => (
            <li key={`${eventId}${rule}${field}`} className="warn">
              ✗ {titleOf(rule)}
              {t('punctuation.colon')}
              {t('correlationWhy.lacks')} <code>{field}</code> <EventLink id={eventId} />
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  )
}

function GroupWhy({ group, titleOf }: { group: Group; titleOf(rule: string): string }) {
  const { t } = useTranslation()
  const { window, thresholds, steps, firedAtMs } = group
  return (
    <section className="card" style={{ padding: '8px 12px' }}>
      <div className="row wrap">
        {mark(firedAtMs.length > 0)}
        {Object.entries(group.group).map(([field, value]) => (
          <span key={field} className="mono small">
            <span className="faint">{field}</span> <Value field={field} value={value} focusable />
          </span>
        ))}
        <span className="soft small" style={{ marginLeft: 'auto' }}>
          <Time value={window.fromMs} /> — <Time value={window.toMs} />
        </span>
      </div>
      {thresholds.map(({ operator, number, holds }) => (
        <div key={operator} className="number">
          {mark(holds)} {window.measured === undefined ? t('correlationWhy.nothing') : formatNumber(window.measured, 2)}{' '}
          <span className="soft">
            {signs[operator]} {formatNumber(number, 2)}
          </span>
        </div>
      ))}
      {steps.length > 0 ? (
        <ol className="plain">
          {steps.map(({ rule, wanted, seen, nearest }, index) => (
            <li key={rule}>
              {mark(wanted === seen)} {index + 1}. {titleOf(rule)}{' '}
              <span className="soft">
                {wanted
                  ? seen
                    ? t('correlationWhy.seen')
                    : t('correlationWhy.missing')
                  : seen
                    ? t('correlationWhy.unwantedSeen')
                    : t('correlationWhy.keptAway')}
              </span>{' '}
              {nearest ? (
                <>
                  <Time value={nearest.timeMs} /> <EventLink id={nearest.eventId} />
                </>
              ) : null}
            </li>
          ))}
        </ol>
      ) : null}
    </section>
  )
}

/** Samples have events of no store; firings of inner correlations are none. */
function EventLink({ id }: { id: string }) {
  if (!/^\d+-[0-9a-z]+(-[0-9a-z]+)?$/.test(id)) return null
  return (
    <Link to={`/events/${encodeURIComponent(id)}` as '/'} className="mono small">
      {id}
    </Link>
  )
}
