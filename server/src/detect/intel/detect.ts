import type { Detection, Event, Severity } from '../../event/event.ts'
import { severityRank } from '../../event/event.ts'
import { detectionId, shortened } from '../detect.ts'
import { entitiesOf } from '../entities.ts'

/** Rule ids of the detector, one a kind of indicator, so that they can be switched off and excepted like any rule. */
const intelRules: Readonly<Record<string, { id: string; title: string }>> = {
  ip: { id: 'watchfire-intel-ip', title: 'Address known to threat intelligence' },
  cidr: { id: 'watchfire-intel-ip', title: 'Address known to threat intelligence' },
  domain: { id: 'watchfire-intel-domain', title: 'Domain known to threat intelligence' },
  url: { id: 'watchfire-intel-url', title: 'URL known to threat intelligence' },
  sha256: { id: 'watchfire-intel-hash', title: 'File known to threat intelligence' },
  sha1: { id: 'watchfire-intel-hash', title: 'File known to threat intelligence' },
  md5: { id: 'watchfire-intel-hash', title: 'File known to threat intelligence' },
  email: { id: 'watchfire-intel-email', title: 'Mail sender known to threat intelligence' },
}

/** Event -> Detection for every event that enrichment marked with an indicator. */
export function detectIntel(events: readonly Event[]): Detection[] {
  const detections: Detection[] = []
  for (const event of events) {
    const kind = event.fields['threat.matched.kind']
    const rule = typeof kind === 'string' ? intelRules[kind] : undefined
    if (rule) detections.push(detectionOf(event, rule))
  }
  return detections
}

function detectionOf(event: Event, rule: { id: string; title: string }): Detection {
  const { fields } = event
  const name = String(fields['threat.indicator.name'])
  const field = String(fields['threat.matched.field'])
  const value = String(fields['threat.matched.value'])
  const severity = String(fields['threat.matched.severity'])
  const origin = fields['threat.indicator.provider']
  return {
    id: detectionId(rule.id, event.id, name),
    ruleId: rule.id,
    ruleTitle: rule.title,
    detector: 'intel',
    severity: severity in severityRank ? (severity as Severity) : 'medium',
    timeMs: event.timeMs,
    unitPath: event.unitPath,
    techniques: [],
    tactics: tacticsOf(field),
    entities: entitiesOf(fields),
    eventIds: [event.id],
    matched: [{ part: 'indicator', field, value }],
    fields: shortened(fields),
    sourceKey: event.sourceKey,
    summary: `${rule.title}: ${value}${value === name ? '' : ` (${name})`}${origin ? `, ${String(origin)}` : ''}`,
  }
}

/** A known address or name that is reached stands for command and control, one that comes in for initial access. */
function tacticsOf(field: string): string[] {
  if (field.includes('.hash.')) return ['execution']
  if (field.startsWith('source.') || field.startsWith('client.') || field.startsWith('email.'))
    return ['initial-access']
  return ['command-and-control']
}
