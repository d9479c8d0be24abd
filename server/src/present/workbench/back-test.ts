import { type DetectionRow, dedupe } from '../../correlate/dedupe.ts'
import { defaultSettings } from '../../correlate/settings.ts'
import { compileSuppressor } from '../../correlate/suppress.ts'
import { correlationLatenessMs, createCorrelationLanes } from '../../detect/correlation-lanes.ts'
import { createCorrelationStage } from '../../detect/correlations.ts'
import { createDetector } from '../../detect/detect.ts'
import type { RuleSet } from '../../detect/sigma/ruleset.ts'
import { type RuleSql, ruleSql } from '../../detect/sigma/sql.ts'
import { CodedError } from '../../event/errors.ts'
import type { Detection, Event } from '../../event/event.ts'
import { countEvents, findEvents } from '../../state/events/get.ts'
import type { EventsContext } from '../../state/events/run.ts'
import { asEvent } from '../../state/events/whole-as-event.ts'
import type { Exception } from '../../state/exceptions/exception.ts'
import type { RuleBook } from '../rule-book.ts'
import { checkText, neededFor } from './check.ts'
import type { JobTools } from './jobs.ts'

const dayMs = 86_400_000
/** Events one version is run on; beyond, the answer says that it is cut. */
const eventLimit = 20_000
/** Events read at once. */
const eventsAtOnce = 2_000
const samplesShown = 20
const entitiesShown = 10
/** Firings that only one version has, of which the shown ones are folded. */
const differencesShown = 1_000

export interface BackTestInput {
  yaml: string
  /** The running text it is compared with; undefined when there is none. */
  running: string | undefined
  days: number
  /** The range, of `rangeOf`. */
  fromMs: number
  toMs: number
  exceptions: readonly Exception[]
}

/** One version over the range: what the store counts, and what the stream would have made of it. */
interface Ran {
  hits: number
  hitsByHour: Map<number, number>
  /** Events fetched and run through detection and correlation. */
  examined: number
  isCut: boolean
  detections: Detection[]
  noSql: string[]
}

/**
 * What a rule text would have found in the stored events of the last days. The store finds the events by the rule's SQL;
 * detection and correlation of the stream then run over them in the order of event time, so that a correlation is tested too,
 * over the hits of the rules it counts. Bounds: 20,000 events a version, and those of every query. Rows are those of the
 * actor's units. Throws RULE_INVALID, QUERY_TOO_LONG, EVENTS_UNAVAILABLE.
 */
export async function backTest(
  context: EventsContext,
  book: RuleBook,
  { yaml, running, days, fromMs, toMs, exceptions }: BackTestInput,
  tools: JobTools,
) {
  const slices = slicesOf(fromMs, toMs)
  const texts = running === undefined || running === yaml ? [yaml] : [yaml, running]
  const ran: Ran[] = []
  for (const [index, text] of texts.entries()) {
    const told = (done: number) => tools.progress(index * slices.length + done, texts.length * slices.length)
    ran.push(await runText(context, book, text, slices, told))
  }
  const [candidate, before] = ran as [Ran, Ran | undefined]
  const alerts = foldedOf(candidate)
  const result = {
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    days,
    hitCount: candidate.hits,
    examined: candidate.examined,
    cut: candidate.isCut,
    rulesWithoutSql: candidate.noSql,
    perDay: perDay(candidate, alerts, slices),
    alertCount: alerts.length,
    alertsPerDay: Math.round((alerts.length / Math.max(1, slices.length)) * 10) / 10,
    noise: noiseOf(alerts.length / Math.max(1, slices.length)),
    samples: alerts.slice(-samplesShown).reverse().map(sampleOf),
    entities: topEntities(alerts),
    hidden: hiddenBy(candidate.detections, exceptions, toMs),
    difference: before ? differenceOf(candidate, before) : null,
  }
  const rowsRead = ran.reduce((sum, { examined }) => sum + examined, 0)
  return { rowsRead, matches: candidate.detections.length, result }
}

/** The last days up to now, from the start of a day (UTC). */
export function rangeOf(days: number, toMs: number): { fromMs: number; toMs: number } {
  return { fromMs: Math.floor((toMs - days * dayMs) / dayMs) * dayMs, toMs }
}

/** Whole days (UTC), the last one up to now. */
function slicesOf(fromMs: number, toMs: number): { fromMs: number; toMs: number }[] {
  const slices: { fromMs: number; toMs: number }[] = []
  for (let at = fromMs; at < toMs; at += dayMs) slices.push({ fromMs: at, toMs: Math.min(at + dayMs, toMs + 1) })
  return slices
}

async function runText(
  context: EventsContext,
  book: RuleBook,
  text: string,
  slices: readonly { fromMs: number; toMs: number }[],
  told: (done: number) => Promise<void>,
): Promise<Ran> {
  const { tried } = checkText(book, undefined, text)
  const set = neededFor(tried)
  const own = new Set(tried.file.documents.map(({ id }) => id))
  const conditions: RuleSql[] = []
  const ran: Ran = { hits: 0, hitsByHour: new Map(), examined: 0, isCut: false, detections: [], noSql: [] }
  for (const rule of set.rules) {
    try {
      conditions.push(ruleSql(rule, book.lookups))
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== 'RULE_INVALID') throw error
      // A field that has no SQL: told in the answer, the other rules go on.
      ran.noSql.push(rule.document.id)
    }
  }
  const run = streamOf(set, book)
  for (const [index, slice] of slices.entries()) {
    await told(index)
    const events = await hitsOf(context, conditions, slice, ran)
    ran.detections.push(...run(events).filter(({ ruleId }) => own.has(ruleId)))
  }
  await told(slices.length)
  return ran
}

/** The stateful way from events in the order of their times to detections. */
function streamOf(set: RuleSet, { lookups }: RuleBook): (events: Event[]) => Detection[] {
  const detector = createDetector(set, { lookups })
  const lanes = createCorrelationLanes(() => createCorrelationStage(set, { latenessMs: correlationLatenessMs }))
  return (events) => lanes.push(detector.detect(events), 0)
}

async function hitsOf(
  context: EventsContext,
  conditions: readonly RuleSql[],
  range: { fromMs: number; toMs: number },
  ran: Ran,
): Promise<Event[]> {
  const found = new Map<string, Event>()
  for (const condition of conditions) {
    let hits = 0
    for (const { hourMs, count } of await countEvents(context, condition, range)) {
      ran.hitsByHour.set(hourMs, (ran.hitsByHour.get(hourMs) ?? 0) + count)
      hits += count
    }
    ran.hits += hits
    if (hits === 0) continue
    const limit = Math.min(eventsAtOnce, eventLimit - ran.examined)
    if (hits > limit) ran.isCut = true
    if (limit <= 0) continue
    const events = await findEvents(context, condition, { range, limit })
    ran.examined += events.length
    for (const event of events) found.set(event.event['event.id'], asEvent(event))
  }
  return [...found.values()].sort((one, other) => one.timeMs - other.timeMs || (one.id < other.id ? -1 : 1))
}

/** Alerts as the flow folds them, oldest first. */
function foldedOf({ detections }: Pick<Ran, 'detections'>): DetectionRow[] {
  const rows = dedupe(
    detections.map((match) => ({ match, suppressedBy: null })),
    defaultSettings,
  )
  return [...rows.values()].sort((one, other) => one.firstMs - other.firstMs)
}

function perDay(ran: Ran, alerts: readonly DetectionRow[], slices: readonly { fromMs: number }[]) {
  return slices.map(({ fromMs }) => {
    const within = (ms: number) => ms >= fromMs && ms < fromMs + dayMs
    let hits = 0
    for (const [hourMs, count] of ran.hitsByHour) if (within(hourMs)) hits += count
    return {
      day: new Date(fromMs).toISOString().slice(0, 10),
      hits,
      alerts: alerts.filter((alert) => within(alert.firstMs)).length,
    }
  })
}

/** More than an analyst works off: at 10 a day a rule is a nuisance, at 100 it is switched off or drowns the others. */
function noiseOf(alertsPerDay: number): 'quiet' | 'noisy' | 'flood' {
  return alertsPerDay >= 100 ? 'flood' : alertsPerDay >= 10 ? 'noisy' : 'quiet'
}

function sampleOf(alert: DetectionRow) {
  return {
    ruleId: alert.ruleId,
    summary: alert.sample.summary,
    summaryZh: alert.sample.summaryZh,
    at: new Date(alert.firstMs).toISOString(),
    matchCount: alert.matches,
    unitPath: alert.unitPath,
    eventId: alert.evidence[0]?.[1] ?? null,
    matched: alert.sample.matched,
  }
}

function topEntities(alerts: readonly DetectionRow[]) {
  const counts = new Map<string, { type: string; value: string; count: number }>()
  for (const { entities } of alerts) {
    for (const { type, value } of entities) {
      const key = `${type} ${value}`
      const known = counts.get(key) ?? { type, value, count: 0 }
      known.count++
      counts.set(key, known)
    }
  }
  return [...counts.values()].sort((one, other) => other.count - one.count).slice(0, entitiesShown)
}

function hiddenBy(detections: readonly Detection[], exceptions: readonly Exception[], nowMs: number) {
  const suppressor = compileSuppressor(exceptions.map((one) => ({ ...one, expiresAtMs: one.expiresAt.getTime() })))
  const counts = new Map<number, number>()
  for (const detection of detections) {
    const id = suppressor.hiddenBy(detection, nowMs)
    if (id !== null) counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  return [...counts].map(([id, count]) => ({
    exceptionId: id,
    name: exceptions.find((one) => one.id === id)?.name ?? '',
    count,
  }))
}

/** Firings by rule, event and group: what one version finds and the other does not. */
function differenceOf(now: Ran, before: Ran) {
  const ids = ({ detections }: Ran) => new Set(detections.map(({ id }) => id))
  const [nowIds, beforeIds] = [ids(now), ids(before)]
  const added = now.detections.filter(({ id }) => !beforeIds.has(id))
  const lost = before.detections.filter(({ id }) => !nowIds.has(id))
  const shown = (detections: Detection[]) =>
    foldedOf({ detections: detections.slice(-differencesShown) })
      .slice(-samplesShown)
      .reverse()
      .map(sampleOf)
  return {
    ...{ before: before.detections.length, now: now.detections.length, added: added.length, lost: lost.length },
    cut: now.isCut || before.isCut,
    addedSamples: shown(added),
    lostSamples: shown(lost),
  }
}
