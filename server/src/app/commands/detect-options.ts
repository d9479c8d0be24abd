import type { Logsource, SigmaDocument } from '../../detect/sigma/document.ts'
import type { RuleSet } from '../../detect/sigma/ruleset.ts'
import { CodedError } from '../../event/errors.ts'
import { type Severity, severityRank } from '../../event/event.ts'
import type { Language } from './detect-summary.ts'

export interface RuleFilter {
  minLevel?: Severity
  status?: string[]
  tags?: string[]
  exclude?: string[]
}

/** True for a rule whose matches were asked for. */
export function isWanted(document: SigmaDocument, { minLevel, status, tags, exclude }: RuleFilter): boolean {
  if (minLevel !== undefined && severityRank[document.level] < severityRank[minLevel]) return false
  if (status !== undefined && !status.includes(document.status ?? 'unsupported')) return false
  if (tags !== undefined && !tags.some((tag) => hasTag(document, tag))) return false
  return !exclude?.some((name) => name === document.id || hasTag(document, name))
}

/** A technique includes its sub-techniques. */
function hasTag({ tags }: SigmaDocument, name: string): boolean {
  const wanted = name.toLowerCase()
  return tags.some((tag) => tag === wanted || tag.startsWith(`${wanted}.`))
}

/** `product=windows,category=process_creation`. Throws BAD_REQUEST. */
export function readLogsource(text: string): Logsource {
  const logsource: Record<string, string> = {}
  for (const pair of text.split(',')) {
    const [key = '', value = ''] = pair.split('=').map((part) => part.trim())
    if (!['product', 'category', 'service'].includes(key) || value === '') {
      throw new CodedError(
        'BAD_REQUEST',
        `--logsource takes product=, category= and service=, not ${JSON.stringify(pair)}`,
      )
    }
    logsource[key] = value
  }
  return logsource
}

/** ISO 8601 in milliseconds since the epoch; without a zone it is UTC. Throws BAD_REQUEST. */
export function readTime(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const iso = text.trim().replace(' ', 'T')
  const hasZone = /(?:Z|[+-]\d{2}:?\d{2})$/i.test(iso) || !iso.includes('T')
  const timeMs = /^\d{4}-\d{2}-\d{2}/.test(iso) ? Date.parse(hasZone ? iso : `${iso}Z`) : Number.NaN
  if (Number.isNaN(timeMs))
    throw new CodedError('BAD_REQUEST', `${option} takes a time such as 2026-03-01T08:00:00Z, not ${text}`)
  return timeMs
}

/** Chinese where the environment says so. */
export function languageOf(environment: Record<string, string | undefined>): Language {
  const locale = environment.LC_ALL || environment.LC_MESSAGES || environment.LANG || ''
  return locale.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}

/** Refused rules are counted by reason; one by one when asked. */
export function tellRefused({ rules, correlations, refused }: RuleSet, isVerbose: boolean): void {
  if (refused.length === 0) return
  if (isVerbose) {
    for (const { file, line, column, reason, message, hint } of refused)
      console.error(`${file}:${line}:${column}: refused (${reason}): ${message}. ${hint}`)
  }
  const reasons = new Map<string, number>()
  for (const { reason } of refused) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  const parts = [...reasons].sort(([, a], [, b]) => b - a).map(([reason, count]) => `${count} ${reason}`)
  const advice = isVerbose ? '' : '; --verbose names each'
  console.error(
    `${rules.length + correlations.length} rules can be used, ${refused.length} are refused (${parts.join(', ')})${advice}`,
  )
}
