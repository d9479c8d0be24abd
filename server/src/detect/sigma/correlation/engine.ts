import { type Correlation, entryLimit, hasNot } from './definition.ts'
import {
  countedValue,
  type Group,
  groupKey,
  groupText,
  type Held,
  isGroup,
  keySeparator,
  missing,
  newestOf,
  payloadKey,
  type Runner,
} from './group.ts'
import type { CorrelationInput } from './input.ts'
import { compareEntries, dropDead, type Entry, evaluate, insert, needsMoreThanOne, prune } from './window.ts'

export interface CorrelationFiring {
  correlation: Correlation
  /** Event time of the event that completed it. */
  timeMs: number
  scope: string
  /** Group field -> value. */
  group: ReadonlyMap<string, string>
  groupKey: string
  /** What the condition compared: a count, a sum, … */
  measured: number
  /** Ids of the events in the window, oldest first, at most `evidenceLimit`. */
  eventIds: string[]
  /** The event that completed it. */
  triggerEventId: string
  /** Payload of the input that completed it; undefined when it was given before a restart. */
  payload: unknown
}

export interface CorrelationOptions {
  /** How far behind the newest event time an event may come and still be put in order. */
  latenessMs?: number
  /** Groups kept over all correlations; beyond it the longest untouched are dropped and counted. */
  groupLimit?: number
  evidenceLimit?: number
  /** After a firing, a group is silent for its timespan (`once`) or fires with every further event (`always`). */
  refire?: 'once' | 'always'
}

export interface CorrelationCounters {
  inputs: number
  firings: number
  /** Inputs that lack a group field or a value. */
  ungrouped: number
  /** Inputs that came too late to be put in order. */
  late: number
  duplicates: number
  /** Events dropped because a group was full. */
  entriesEvicted: number
  /** Groups dropped because there were too many. */
  groupsEvicted: number
  groupsExpired: number
}

/** The serialisable state; valid for correlations whose definition has not changed. */
export interface CorrelationSnapshot {
  version: 1
  newestMs: number
  correlations: { id: string; fingerprint: string; groups: SnapshotGroup[] }[]
  counters: CorrelationCounters
}

type SnapshotGroup = [
  key: string,
  /** One time where an earlier version wrote it. */
  fired: number[] | number | null,
  processed: number,
  entries: [number, string, number, (string | number)?][],
]

/** How far a condition looks ahead of the event at which it is evaluated. */
function lookAheadMs({ expression, timespanMs }: Correlation): number {
  return expression && hasNot(expression) ? timespanMs : 0
}

/** Characters. */
const snapshotPieceLength = 1 << 18

function snapshotGroup(key: string, held: Held): SnapshotGroup {
  const { fired, processed, entries } = isGroup(held) ? held : { fired: undefined, processed: 0, entries: [held] }
  return [
    key,
    fired ?? null,
    processed,
    entries.map(({ timeMs, eventId, rule, value }) =>
      value === undefined ? [timeMs, eventId, rule] : [timeMs, eventId, rule, value],
    ),
  ]
}

/** Groups looked at for expiry per new group: more than one, so that the sweep always catches up. */
const sweepSteps = 2

/**
 * Runs correlations over matches. Everything is decided on event time, ordered by (event time, event id): conditions
 * that can only come nearer (gt, gte on counts and sums, temporal) fire with the event that completes them; all others wait
 * until the watermark (newest event time less the lateness) has passed. State is bounded, every loss is counted, and
 * `snapshot` holds all of it.
 */
export class CorrelationEngine {
  readonly counters: CorrelationCounters = {
    inputs: 0,
    firings: 0,
    ungrouped: 0,
    late: 0,
    duplicates: 0,
    entriesEvicted: 0,
    groupsEvicted: 0,
    groupsExpired: 0,
  }
  private readonly runnersByRule = new Map<string, { runner: Runner; rule: number }[]>()
  private readonly runners: Runner[] = []
  private readonly latenessMs: number
  private readonly groupLimit: number
  private readonly evidenceLimit: number
  private readonly refire: 'once' | 'always'
  private groupCount = 0
  private newestMs = Number.NEGATIVE_INFINITY
  private watermarkMs = Number.NEGATIVE_INFINITY
  private sweepRunner = 0
  private sweepIterator: Iterator<[string, Held]> | undefined

  constructor(correlations: readonly Correlation[], options: CorrelationOptions = {}) {
    this.latenessMs = options.latenessMs ?? 60_000
    this.groupLimit = options.groupLimit ?? 1_000_000
    this.evidenceLimit = options.evidenceLimit ?? 100
    this.refire = options.refire ?? 'once'
    for (const correlation of correlations) {
      const firstEventNeverFires = needsMoreThanOne(correlation)
      const runner: Runner = {
        correlation,
        firstEventNeverFires,
        groups: new Map(),
        waiting: new Set(),
        payloads: new Map(),
      }
      this.runners.push(runner)
      for (const [rule, id] of correlation.rules.entries()) {
        const list = this.runnersByRule.get(id)
        if (list) list.push({ runner, rule })
        else this.runnersByRule.set(id, [{ runner, rule }])
      }
    }
  }

  /** True when some correlation counts the rule. */
  counts(ruleId: string): boolean {
    return this.runnersByRule.has(ruleId)
  }

  /** Takes one match; returns what fires because of it, inner correlations before the outer ones they complete. */
  push(input: CorrelationInput): CorrelationFiring[] {
    this.counters.inputs++
    const firings: CorrelationFiring[] = []
    this.take(input, firings)
    if (input.timeMs > this.newestMs) {
      this.newestMs = input.timeMs
      this.advance(this.newestMs - this.latenessMs, firings)
    }
    return firings
  }

  /** No event before `watermarkMs` is expected any more: evaluates what waited for that. For idle streams. */
  advance(watermarkMs: number, firings: CorrelationFiring[] = []): CorrelationFiring[] {
    if (watermarkMs <= this.watermarkMs) return firings
    this.watermarkMs = watermarkMs
    for (const runner of this.runners) {
      if (runner.waiting.size === 0) continue
      for (const group of [...runner.waiting]) this.evaluateDue(runner, group, firings)
    }
    return firings
  }

  /** The stream has ended: evaluates everything that waits. */
  flush(): CorrelationFiring[] {
    const firings: CorrelationFiring[] = []
    // A firing of one correlation may wait in another: repeat until nothing does.
    for (let round = 0; round <= this.runners.length; round++) {
      this.advance(Number.MAX_SAFE_INTEGER + round, firings)
      this.watermarkMs = Number.NEGATIVE_INFINITY
    }
    this.watermarkMs = this.newestMs
    return firings
  }

  private take(input: CorrelationInput, firings: CorrelationFiring[], inner = false): void {
    const targets = this.runnersByRule.get(input.ruleId)
    if (!targets) return
    for (const { runner, rule } of targets) this.takeInto(runner, rule, input, firings, inner)
  }

  /** `inner`: the input is a firing, which may lie behind the watermark that set it free. */
  private takeInto(
    runner: Runner,
    rule: number,
    input: CorrelationInput,
    firings: CorrelationFiring[],
    inner: boolean,
  ): void {
    const { correlation } = runner
    const values = this.groupValues(correlation, rule, input)
    const value = countedValue(correlation, rule, input)
    if (!values || value === missing) {
      this.counters.ungrouped++
      return
    }
    if (!inner && input.timeMs < this.watermarkMs - (correlation.monotone ? correlation.timespanMs : 0)) {
      this.counters.late++
      return
    }
    const key = groupKey(input.scope, values)
    const entry: Entry = { timeMs: input.timeMs, eventId: input.eventId, rule }
    if (value !== undefined) entry.value = value
    let held = runner.groups.get(key)
    if (held === undefined) {
      this.makeRoom()
      if (runner.firstEventNeverFires) {
        runner.groups.set(key, entry)
        return
      }
    }
    if (held === undefined || !isGroup(held)) {
      held = { key, entries: held === undefined ? [] : [held], fired: undefined, processed: 0 }
      runner.groups.set(key, held)
    }
    const group = held
    const lastProcessed = group.entries[group.processed - 1]
    const at = insert(correlation, group.entries, entry)
    if (at === undefined) {
      this.counters.duplicates++
      return
    }
    if (correlation.monotone) {
      this.evaluateFrom(runner, group, at, input.payload, firings)
      this.counters.entriesEvicted += prune(
        correlation,
        group.entries,
        rule,
        this.refire === 'once' ? group.fired : undefined,
        this.watermarkMs,
      )
      if (group.entries.length === 1 && group.fired === undefined) runner.groups.set(key, group.entries[0]!)
      return
    }
    // Insertion may have moved what was processed; find the boundary again.
    group.processed = lastProcessed
      ? group.entries.findLastIndex((other) => compareEntries(other, lastProcessed) <= 0) + 1
      : 0
    if (input.payload !== undefined) runner.payloads.set(payloadKey(group, entry), input.payload)
    runner.waiting.add(group)
    this.bound(runner, group)
  }

  /** Drops what no window that is still to be evaluated reaches, and what is too much. */
  private bound({ correlation, payloads }: Runner, group: Group): void {
    const { entries } = group
    const reachMs = correlation.timespanMs * (lookAheadMs(correlation) > 0 ? 2 : 1)
    group.processed -= dropDead(entries, this.watermarkMs - reachMs, group.processed)
    if (entries.length <= entryLimit) return
    for (const entry of entries.splice(0, entries.length - entryLimit)) {
      payloads.delete(payloadKey(group, entry))
      group.processed = Math.max(0, group.processed - 1)
      this.counters.entriesEvicted++
    }
  }

  /** Windows that end at the new entry, or at a later one it reaches into; the first that holds fires. */
  private evaluateFrom(runner: Runner, group: Group, at: number, payload: unknown, firings: CorrelationFiring[]): void {
    const { correlation } = runner
    const { entries } = group
    const until = entries[at]!.timeMs + correlation.timespanMs
    for (let end = at; end < entries.length && entries[end]!.timeMs <= until; end++) {
      if (this.isSilent(correlation, group, entries[end]!.timeMs)) continue
      const result = evaluate(correlation, entries, end)
      if (!result) continue
      const firedMs = entries[end]!.timeMs
      this.fire(runner, group, end, result, payload, firings)
      if (this.refire === 'once') {
        // What lies within the timespan before a firing is in no window that could fire still.
        const first = entries.findIndex(({ timeMs }) => timeMs >= firedMs - correlation.timespanMs)
        let after = first
        while (after < entries.length && entries[after]!.timeMs <= firedMs) after++
        entries.splice(first, after - first)
      }
      return
    }
  }

  private isSilent({ timespanMs }: Correlation, { fired }: Group, timeMs: number): boolean {
    if (fired === undefined || this.refire === 'always') return false
    return fired.some((firedMs) => Math.abs(timeMs - firedMs) <= timespanMs)
  }

  private evaluateDue(runner: Runner, group: Group, firings: CorrelationFiring[]): void {
    const { correlation } = runner
    const aheadMs = lookAheadMs(correlation)
    while (
      group.processed < group.entries.length &&
      group.entries[group.processed]!.timeMs + aheadMs <= this.watermarkMs
    ) {
      const end = group.processed++
      const entry = group.entries[end]!
      const result = evaluate(correlation, group.entries, end)
      const key = payloadKey(group, entry)
      if (result) this.fire(runner, group, end, result, runner.payloads.get(key), firings)
      runner.payloads.delete(key)
    }
    if (group.processed >= group.entries.length) runner.waiting.delete(group)
  }

  private fire(
    runner: Runner,
    group: Group,
    end: number,
    { start, measured }: { start: number; measured: number },
    payload: unknown,
    firings: CorrelationFiring[],
  ): void {
    const { correlation } = runner
    const { timeMs, eventId } = group.entries[end]!
    if (this.isSilent(correlation, group, timeMs)) return
    // Silences that no event in reach can fall into are forgotten.
    const inReach = (firedMs: number) => this.refire === 'once' && firedMs + correlation.timespanMs >= this.watermarkMs
    group.fired = [...(group.fired?.filter(inReach) ?? []), timeMs].sort((a, b) => a - b)
    this.counters.firings++
    const eventIds = [...new Set(group.entries.slice(start, end + 1).map((entry) => entry.eventId))].slice(
      -this.evidenceLimit,
    )
    const [scope = '', ...values] = group.key.split(keySeparator)
    const named = new Map(correlation.groupNames.map((name, index) => [name, values[index]!]))
    const firing: CorrelationFiring = {
      correlation,
      timeMs,
      scope,
      group: named,
      groupKey: group.key,
      measured,
      eventIds,
      triggerEventId: eventId,
      payload,
    }
    firings.push(firing)
    // To an outer correlation a firing is an event at its time that carries its group's values, and nothing else.
    this.take(
      {
        ruleId: correlation.id,
        eventId: `${correlation.id}${keySeparator}${group.key}${keySeparator}${eventId}`,
        timeMs,
        scope,
        read: (field) => named.get(field),
        payload,
      },
      firings,
      true,
    )
  }

  private groupValues(correlation: Correlation, rule: number, input: CorrelationInput): string[] | undefined {
    const values: string[] = []
    for (const field of correlation.groupBy[rule]!) {
      const value = field === undefined ? undefined : input.read(field)
      const text = groupText(value)
      if (text === undefined) return undefined
      values.push(text)
    }
    return values
  }

  /** For one more group. */
  private makeRoom(): void {
    this.sweep()
    if (this.groupCount >= this.groupLimit) this.evict()
    this.groupCount++
  }

  /** Drops the oldest group of the correlation that has most. */
  private evict(): void {
    let fullest = this.runners[0]!
    for (const runner of this.runners) if (runner.groups.size > fullest.groups.size) fullest = runner
    const oldest = fullest.groups.entries().next()
    if (oldest.done) return
    this.drop(fullest, oldest.value[0], oldest.value[1])
    this.counters.groupsEvicted++
  }

  private drop(runner: Runner, key: string, held: Held): void {
    runner.groups.delete(key)
    this.groupCount--
    if (!isGroup(held)) return
    runner.waiting.delete(held)
    if (runner.payloads.size > 0) for (const entry of held.entries) runner.payloads.delete(payloadKey(held, entry))
  }

  /** Looks at a few groups with every new one, round and round, and drops those that can no longer matter. */
  private sweep(): void {
    for (let step = 0; step < sweepSteps; step++) {
      const runner = this.runners[this.sweepRunner]
      if (!runner) return
      this.sweepIterator ??= runner.groups.entries()
      const next = this.sweepIterator.next()
      if (next.done) {
        this.sweepRunner = (this.sweepRunner + 1) % this.runners.length
        this.sweepIterator = undefined
        continue
      }
      const [key, held] = next.value
      if (newestOf(held) + runner.correlation.timespanMs >= this.watermarkMs) continue
      if (isGroup(held) && runner.waiting.has(held)) continue
      this.drop(runner, key, held)
      this.counters.groupsExpired++
    }
  }

  /** Number of live groups. */
  get liveGroups(): number {
    return this.groupCount
  }

  /** The whole state, to be stored together with the offsets up to which matches were pushed. */
  snapshot(): CorrelationSnapshot {
    return {
      version: 1,
      newestMs: this.newestMs,
      counters: { ...this.counters },
      correlations: this.runners.map(({ correlation, groups }) => ({
        id: correlation.id,
        fingerprint: correlation.fingerprint,
        groups: [...groups].map(([key, held]) => snapshotGroup(key, held)),
      })),
    }
  }

  /** The same as JSON, in pieces of bounded size: a million groups are some 100 MB of text. */
  *snapshotText(): Generator<string> {
    const { newestMs, counters } = this
    yield `${JSON.stringify({ version: 1, newestMs, counters }).slice(0, -1)},"correlations":[`
    for (const [index, { correlation, groups }] of this.runners.entries()) {
      const { id, fingerprint } = correlation
      yield `${index === 0 ? '' : ','}${JSON.stringify({ id, fingerprint }).slice(0, -1)},"groups":[`
      let piece = ''
      let isFirst = true
      for (const [key, held] of groups) {
        piece += `${isFirst ? '' : ','}${JSON.stringify(snapshotGroup(key, held))}`
        isFirst = false
        if (piece.length < snapshotPieceLength) continue
        yield piece
        piece = ''
      }
      yield `${piece}]}`
    }
    yield ']}'
  }

  /** Takes over a snapshot; state of correlations that are gone or were changed is left behind. */
  restore(snapshot: CorrelationSnapshot): void {
    // JSON has no infinities: a state without events has no newest time.
    this.newestMs = snapshot.newestMs ?? Number.NEGATIVE_INFINITY
    this.watermarkMs = this.newestMs - this.latenessMs
    Object.assign(this.counters, snapshot.counters)
    for (const { id, fingerprint, groups } of snapshot.correlations) {
      const runner = this.runners.find(
        ({ correlation }) => correlation.id === id && correlation.fingerprint === fingerprint,
      )
      if (!runner) continue
      for (const [key, fired, processed, entries] of groups) {
        const group: Group = {
          key,
          entries: entries.map(([timeMs, eventId, rule, value]) =>
            value === undefined ? { timeMs, eventId, rule } : { timeMs, eventId, rule, value },
          ),
          fired: typeof fired === 'number' ? [fired] : (fired ?? undefined),
          processed,
        }
        this.makeRoom()
        runner.groups.set(key, group)
        if (runner.correlation.monotone) {
          if (group.entries.length === 1 && fired === null) runner.groups.set(key, group.entries[0]!)
        } else if (processed < entries.length) runner.waiting.add(group)
      }
    }
  }
}
