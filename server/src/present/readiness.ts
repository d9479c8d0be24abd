import type { Logsource } from '../detect/sigma/document.ts'
import type { Fields } from '../event/event.ts'
import { ExpiringMap } from '../lib/expiring-map.ts'
import type { DriftedField } from '../seams/store/schema/proof.ts'
import type { Canary } from '../state/canaries/canary.ts'
import { lastOutcomes } from '../state/canaries/schedule.ts'
import type { HealthProbe } from '../state/health/probe.ts'
import { type DiskFacts, readDisk } from '../state/health/read.ts'
import { indicatorTypesInForce } from '../state/indicators/types-in-force.ts'
import { loadRuleStates, type RuleState } from '../state/rules/load-states.ts'
import { openWindows } from '../state/runs/windows.ts'
import { loadFills } from '../state/sources/fills.ts'
import { loadSourceStates, type SourceState } from '../state/sources/states.ts'
import type { Context } from '../state/write.ts'
import type { Dependencies } from './dependencies.ts'
import { looksAt, type OpenRuleBook, type RuleBook, type RuleEntry } from './rule-book.ts'
import { RuleSamples } from './rule-samples.ts'

export const cannotFireCodes = [
  'refused',
  'disabled',
  'draft',
  'no_source',
  'source_silent',
  'source_unparsed',
  'field_drifted',
  'unknown_field',
  'canary_lost',
  'sample_failed',
  'no_indicator',
  'part_cannot_fire',
  'run_failed',
  'bus_full',
  'disk_full',
  'store_down',
  'thread_down',
] as const

/** Why a rule cannot fire, as a code with what it is about; the words are the client's. */
export interface CannotFire {
  code: (typeof cannotFireCodes)[number]
  sourceId?: string
  source?: string
  field?: string
  /** Share of events that had the field, 0 to 1. */
  was?: number
  since?: Date
  /** Where a canary was lost, or the thread, store or queue that is at fault. */
  part?: string
}

/** Events of one kind that a source sends, and what of them is missed. */
interface Ground {
  source: SourceState
  logsources: Logsource[]
  filled: ReadonlySet<string>
  drifted: DriftedField[]
}

/** Everything the question needs to know, of one unit and those below it. */
interface Facts {
  book: RuleBook
  states: ReadonlyMap<string, RuleState>
  grounds: Ground[]
  outcomes: { byRule: ReadonlyMap<string, Canary>; bySource: ReadonlyMap<string, Canary> }
  indicatorTypes: ReadonlySet<string>
  windows: Awaited<ReturnType<typeof openWindows>>
  platform: CannotFire[]
}

type Fills = Awaited<ReturnType<typeof loadFills>>

/** How long ago a kind of event may have been seen to count as there. */
const lookBackMs = 7 * 86_400_000
/** Most grounds that are told of one rule. */
const toldMax = 5
/** A source of whose records of the last hour so many were not understood gives rules nothing to work on. */
const unparsed = { share: 0.9, records: 20 } as const
/** A window that waits longer than this is no passing delay. */
const overdueMs = 2 * 3_600_000
/** What kinds of event there are changes slowly, and there may be many. */
const rememberedMs = 5_000
const busFullShare = 0.95
const diskFullBytes = 256 * 2 ** 20

/** Whether each rule can fire now, and why not: from facts, not from hope. */
export class ReadinessJudge {
  readonly #book: OpenRuleBook
  readonly #dependencies: Pick<Dependencies, 'config' | 'health' | 'clock'>
  readonly #fills = new ExpiringMap<Fills>(1_000, rememberedMs)
  #samples: RuleSamples | undefined

  constructor(book: OpenRuleBook, dependencies: Pick<Dependencies, 'config' | 'health' | 'clock'>) {
    this.#book = book
    this.#dependencies = dependencies
  }

  /** Log sources of the events of the last days, in the actor's units. */
  async seen(context: Context): Promise<Logsource[]> {
    const [{ logsourcesOf }, fills] = await Promise.all([this.#book(), this.#fillsOf(context)])
    const since = context.clock.now() - lookBackMs
    const recent = fills.filter(({ sampledAt }) => sampledAt.getTime() >= since)
    return logsourcesOf(recent.map(({ routing }) => routing as Fields))
  }

  /** The facts of the actor's units as they are now, and the judgement by them; by one source alone when it is named. */
  async judge(context: Context, onlySourceId?: string): Promise<(rule: RuleEntry) => CannotFire[]> {
    const { database, clock, actor } = context
    const path = actor.unitPath
    const [book, states, sources, fills, outcomes, indicatorTypes, windows, disk] = await Promise.all([
      this.#book(),
      loadRuleStates(database),
      loadSourceStates(database, clock, path),
      this.#fillsOf(context),
      lastOutcomes(database, clock),
      indicatorTypesInForce(context),
      openWindows(database),
      readDisk(this.#dependencies.config.dataDir),
    ])
    const since = clock.now() - lookBackMs
    const grounds = fills.flatMap(({ sourceKey, routing, base, recent, drifted, sampledAt }): Ground[] => {
      const source = sources.get(sourceKey)
      if (!source || sampledAt.getTime() < since || (onlySourceId ?? source.id) !== source.id) return []
      const filled = new Set([...Object.keys(base), ...Object.keys(recent)])
      return [{ source, logsources: book.logsourcesOf([routing as Fields]), filled, drifted }]
    })
    const platform = platformReasons(this.#dependencies.health, disk)
    const facts: Facts = { book, states, grounds, outcomes, indicatorTypes, windows, platform }
    const known = new Map<string, CannotFire[]>()
    const judged = (rule: RuleEntry): CannotFire[] => {
      const answer = known.get(rule.id) ?? this.#reasons(rule, facts, judged)
      known.set(rule.id, answer)
      return answer
    }
    return judged
  }

  async #fillsOf({ database, clock, actor }: Context): Promise<Fills> {
    const known = this.#fills.get(actor.unitPath, clock.now())
    if (known) return known
    const fills = await loadFills(database, actor.unitPath)
    this.#fills.set(actor.unitPath, fills, clock.now())
    return fills
  }

  #reasons(rule: RuleEntry, facts: Facts, judged: (rule: RuleEntry) => CannotFire[]): CannotFire[] {
    const reasons: CannotFire[] = rule.problems.length > 0 ? [{ code: 'refused' }] : []
    if (facts.states.get(rule.id)?.enabled === false) reasons.push({ code: 'disabled' })
    if (rule.problems.length > 0) return reasons
    if (rule.stage === 'draft') reasons.push({ code: 'draft' })
    if (rule.kind === 'health') return reasons
    reasons.push(...facts.platform)
    const own = facts.outcomes.byRule.get(rule.id)
    if (own?.state === 'lost' && (own.lostAt === 'detected' || own.lostAt === 'correlated'))
      reasons.push({ code: 'canary_lost', part: own.lostAt, since: own.requestedAt })
    if (rule.kind === 'intel') {
      if (!rule.indicatorTypes.some((type) => facts.indicatorTypes.has(type))) reasons.push({ code: 'no_indicator' })
    } else if (rule.kind === 'correlation') reasons.push(...ofParts(rule, facts.book, judged))
    else if (rule.kind === 'analytic') reasons.push(...ofAnalytic(rule, facts, this.#dependencies.clock.now()))
    else {
      const fires = this.#fires(rule, [])
      if (fires === false) reasons.push({ code: 'sample_failed' })
      // A sample that fires proves more than a list of fields.
      if (fires !== true && rule.missingField !== null)
        reasons.push({ code: 'unknown_field', field: rule.missingField })
      const grounds = facts.grounds.filter(({ logsources }) => looksAt(rule, logsources))
      reasons.push(...ofGrounds(grounds, facts, (drifted) => this.#missed(rule, drifted)))
    }
    return reasons
  }

  #fires(rule: RuleEntry, without: string[]): boolean | undefined {
    this.#samples ??= new RuleSamples(this.#dependencies.config)
    return this.#samples.fires(rule, without, this.#dependencies.clock.now())
  }

  /** The missed field without which the rule cannot fire; undefined when it can do without all of them. */
  #missed(rule: RuleEntry, drifted: readonly DriftedField[]): DriftedField | undefined {
    if (drifted.length === 0) return undefined
    const all = drifted.map(({ field }) => field)
    const answer = this.#fires(rule, all)
    if (answer === true) return undefined
    // Without samples to try it on, a field that the rule names is one it needs.
    if (answer === undefined) return drifted.find(({ field }) => rule.fields.includes(field))
    return drifted.find(({ field }) => this.#fires(rule, [field]) === false) ?? drifted[0]
  }
}

function ofParts(rule: RuleEntry, { rules }: RuleBook, judged: (rule: RuleEntry) => CannotFire[]): CannotFire[] {
  const parts = rule.parts.map((part) => rules.get(part)).filter((part) => part !== undefined)
  const lame = parts.find((part) => judged(part).length > 0)
  return lame ? [{ ...judged(lame)[0], code: 'part_cannot_fire', part: lame.id }] : []
}

/** None when one source is a ground to stand on; else what is wrong with each. */
function ofGrounds(
  grounds: readonly Ground[],
  { outcomes }: Facts,
  missed: (drifted: readonly DriftedField[]) => DriftedField | undefined,
): CannotFire[] {
  if (grounds.length === 0) return [{ code: 'no_source' }]
  const bySource = new Map<string, Ground[]>()
  for (const ground of grounds) bySource.set(ground.source.id, [...(bySource.get(ground.source.id) ?? []), ground])
  const reasons: CannotFire[] = []
  for (const its of bySource.values()) {
    const { source } = its[0]!
    const about = { sourceId: source.id, source: source.name }
    const canary = outcomes.bySource.get(source.id)
    const drift = missed(its.flatMap(({ drifted }) => drifted))
    if (source.silentSince) reasons.push({ code: 'source_silent', ...about, since: source.silentSince })
    else if (source.records >= unparsed.records && source.unparsed >= source.records * unparsed.share)
      reasons.push({ code: 'source_unparsed', ...about })
    else if (canary?.state === 'lost' && canary.lostAt !== 'detected' && canary.lostAt !== 'correlated')
      reasons.push({ code: 'canary_lost', ...about, part: canary.lostAt ?? '', since: canary.requestedAt })
    else if (drift)
      reasons.push({
        code: 'field_drifted',
        ...about,
        field: drift.field,
        was: drift.was,
        since: new Date(drift.since),
      })
    else return []
  }
  return reasons.slice(0, toldMax)
}

/** A source has to fill all its fields, and its windows have to be answered. */
function ofAnalytic(rule: RuleEntry, facts: Facts, nowMs: number): CannotFire[] {
  const open = facts.windows.get(rule.id)
  const reasons: CannotFire[] = []
  if (open && (open.givenUp > 0 || open.since.getTime() < nowMs - overdueMs))
    reasons.push({ code: 'run_failed', since: open.since })
  // What enrichment adds is not among the fields that a sender fills.
  const wanted = rule.fields.filter((field) => !field.includes('.geo.'))
  const grounds = facts.grounds.filter(({ filled }) => wanted.every((field) => filled.has(field)))
  return [...reasons, ...ofGrounds(grounds, facts, (drifted) => drifted.find(({ field }) => wanted.includes(field)))]
}

/** What stops every rule. */
function platformReasons(probe: HealthProbe, disk: DiskFacts | null): CannotFire[] {
  const reasons: CannotFire[] = []
  for (const { name, status } of probe.children()) {
    if (status !== 'running' && status !== 'external') reasons.push({ code: 'store_down', part: name })
  }
  for (const { name, status } of probe.threads()) {
    if (status !== 'running' && /^(process|correlate)/.test(name)) reasons.push({ code: 'thread_down', part: name })
  }
  for (const { topic, bytes, limitBytes } of probe.bus()) {
    if (bytes >= limitBytes * busFullShare) reasons.push({ code: 'bus_full', part: topic })
  }
  if (disk && disk.freeBytes < diskFullBytes) reasons.push({ code: 'disk_full', part: disk.path })
  return reasons
}

export interface ReadinessSummary {
  enabled: number
  canFire: number
  reasons: { code: CannotFire['code']; count: number }[]
  /** Rules that could fire and cannot any more, and what came over them, with how many it stopped. */
  stopped: number
  causes: (CannotFire & { count: number })[]
}

/** Causes that come over a rule that could fire: something fell silent, drifted, failed or filled up. */
const stopCodes: ReadonlySet<CannotFire['code']> = new Set([
  ...(['source_silent', 'source_unparsed', 'field_drifted', 'canary_lost', 'sample_failed', 'run_failed'] as const),
  ...(['bus_full', 'disk_full', 'store_down', 'thread_down'] as const),
])
const causesMax = 20

/** Whether a reason is one that came over a rule that could fire. */
export function hasStopped({ code }: CannotFire): boolean {
  return stopCodes.has(code)
}

/** How many of the enabled rules can fire, and of what first reason the others cannot. */
export function summaryOf(rules: readonly RuleEntry[], judged: (rule: RuleEntry) => CannotFire[]): ReadinessSummary {
  const counts = new Map<CannotFire['code'], number>()
  const stopped = new Map<string, CannotFire & { count: number }>()
  let stoppedCount = 0
  let enabled = 0
  let canFire = 0
  for (const rule of rules) {
    const reasons = judged(rule)
    if (rule.kind === 'health' || rule.stage !== 'live' || reasons.some(({ code }) => code === 'disabled')) continue
    enabled++
    if (reasons[0]) counts.set(reasons[0].code, (counts.get(reasons[0].code) ?? 0) + 1)
    else canFire++
    // A rule with a cause that once was not there: it could fire, and stopped.
    const found = reasons.filter(hasStopped)
    if (found.length > 0) stoppedCount++
    for (const reason of found) {
      const key = [reason.code, reason.sourceId ?? reason.part ?? ''].join(' ')
      const known = stopped.get(key)
      if (known) known.count++
      else stopped.set(key, { ...reason, count: 1 })
    }
  }
  const reasons = [...counts].map(([code, count]) => ({ code, count })).sort((a, b) => b.count - a.count)
  const causes = [...stopped.values()].sort((a, b) => b.count - a.count).slice(0, causesMax)
  return { enabled, canFire, stopped: stoppedCount, reasons, causes }
}
