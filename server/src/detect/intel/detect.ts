import type { Detection, Event, Severity } from '../../event/event.ts'
import { severityRank } from '../../event/event.ts'
import { detectionId, evidenceOf, shortened, subjectOf } from '../detect.ts'
import { entitiesOf } from '../entities.ts'
import { titledWords } from '../rule-words.ts'
import { type IntelRule, intelRules } from './rules.ts'

const byKind = new Map(intelRules.flatMap((rule) => rule.kinds.map((kind) => [kind, rule])))

/** What was found in every event that enrichment marked with an indicator, unless its rule is switched off. */
export function detectIntel(
  events: readonly Event[],
  enabled: (ruleId: string) => boolean = () => true,
): { event: Event; matches: Detection[] }[] {
  const found: { event: Event; matches: Detection[] }[] = []
  for (const event of events) {
    const kind = event.fields['threat.matched.kind']
    const rule = typeof kind === 'string' ? byKind.get(kind) : undefined
    if (rule && enabled(rule.id)) found.push({ event, matches: [detectionOf(event, rule)] })
  }
  return found
}

function detectionOf(event: Event, rule: IntelRule): Detection {
  const { fields } = event
  const name = String(fields['threat.indicator.name'])
  const field = String(fields['threat.matched.field'])
  const value = String(fields['threat.matched.value'])
  const severity = String(fields['threat.matched.severity'])
  const origin = fields['threat.indicator.provider']
  return {
    id: detectionId(rule.id, subjectOf(event), name),
    ruleId: rule.id,
    detector: 'intel',
    severity: severity in severityRank ? (severity as Severity) : 'medium',
    timeMs: event.timeMs,
    unitPath: event.unitPath,
    techniques: [],
    tactics: tacticsOf(field),
    entities: entitiesOf(fields),
    eventIds: evidenceOf(event),
    matched: [{ part: 'indicator', field, value }],
    fields: { ...shortened(fields) },
    sourceKey: event.sourceKey,
    ...titledWords(rule, `${value}${value === name ? '' : ` (${name})`}${origin ? `, ${String(origin)}` : ''}`),
  }
}

/** A known address or name that is reached stands for command and control, one that comes in for initial access. */
function tacticsOf(field: string): string[] {
  if (field.includes('.hash.')) return ['execution']
  if (field.startsWith('source.') || field.startsWith('client.') || field.startsWith('email.'))
    return ['initial-access']
  return ['command-and-control']
}
