import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../api/client.ts'
import { formatShare } from './format.ts'
import { formatTimeShort, toMs } from './time.ts'

type CannotFire = Schemas['CannotFire']

/** Why a rule cannot fire now, each reason with what it is about and the way there. */
export function WhyNot({ reasons }: { reasons: CannotFire[] }) {
  const { t } = useTranslation()
  return (
    <ul className="plain" data-testid="why-not">
      {reasons.map((reason) => (
        <li key={JSON.stringify(reason)}>
          · {t(`rule.cannotReason.${reason.code}`)}
          {reason.sourceId ? (
            <>
              {t('punctuation.colon')}
              <Link to={`/sources/${reason.sourceId}` as '/'}>{reason.source}</Link>
            </>
          ) : null}
          <More reason={reason} />
        </li>
      ))}
    </ul>
  )
}

function More({ reason }: { reason: CannotFire }) {
  const { t } = useTranslation()
  const since = formatTimeShort(toMs(reason.since) ?? 0)
  const text = (): ReactNode => {
    switch (reason.code) {
      case 'source_silent':
        return t('whyNot.source_silent', { since })
      case 'source_unparsed':
        return t('whyNot.source_unparsed')
      case 'field_drifted':
        return t('whyNot.field_drifted', { field: reason.field, was: formatShare(reason.was ?? 0), since })
      case 'unknown_field':
        return <code>{reason.field}</code>
      case 'canary_lost':
        return t('whyNot.canary_lost', { since, hop: hopName(reason.part) })
      case 'run_failed':
        return (
          <>
            {t('whyNot.run_failed', { since })} <Link to="/runs">{t('whyNot.toRuns')}</Link>
          </>
        )
      case 'part_cannot_fire':
        return <Link to={`/rules/${encodeURIComponent(reason.part ?? '')}` as '/'}>{reason.part}</Link>
      case 'no_source':
        return <Link to="/sources">{t('rule.toSources')}</Link>
      case 'no_indicator':
        return <Link to="/indicators">{t('pages.indicators')}</Link>
      case 'bus_full':
      case 'disk_full':
      case 'store_down':
      case 'thread_down':
        return (
          <>
            {t('whyNot.part', { part: reason.part ?? '' })} <Link to="/health">{t('whyNot.toHealth')}</Link>
          </>
        )
      default:
        return null
    }
  }
  const shown = text()
  return shown ? <span className="soft"> — {shown}</span> : null

  function hopName(part: string | undefined): string {
    const hop = (['sent', 'parsed', 'detected', 'correlated', 'stored', 'searchable'] as const).find(
      (name) => name === part,
    )
    return hop ? t(`canary.hop.${hop}`) : (part ?? '')
  }
}
