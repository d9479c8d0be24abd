import type { Logger } from 'pino'
import type { CanaryMark, CanaryNews } from '../../event/canary.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import type { Database } from '../../seams/store/store.ts'
import type { Canary, CanaryHop } from '../../state/canaries/canary.ts'
import {
  interruptCanaries,
  outcomeBefore,
  saveCanary,
  scheduleCanaries,
  type WaitingCanary,
  waitingCanaries,
} from '../../state/canaries/schedule.ts'
import type { CanarySample, CanarySamples } from './canary-samples.ts'

export type CanaryInput = NonNullable<Canary['input']>

export interface CanariesOptions {
  database: Database
  clock: Clock
  samples: CanarySamples
  /** Ids of rules that are switched off. */
  switchedOff(): Promise<ReadonlySet<string>>
  /** How often each source is tested but those in `except`; null: only on demand. */
  schedule(): Promise<{ everyMs: number; except: readonly string[] } | null>
  /** Sends the records through an input; rejects when the input does not take them. */
  send(input: CanaryInput, mark: CanaryMark, lines: readonly string[]): Promise<void>
  /** Whether events of the canary are in the event store. */
  isStored(mark: CanaryMark): Promise<boolean>
  /** Whether a search finds the event. */
  isSearchable(eventId: string): Promise<boolean>
  /** A canary of a source was lost whose last one arrived. */
  alarm(canary: Canary): Promise<void>
  logger: Pick<Logger, 'warn'>
  onChange(canary: Canary): void
}

/** A canary that has not arrived by then is lost at the first hop it did not reach. */
export const canaryDeadlineMs = 120_000
const hourMs = 3_600_000

/** Hops in the order of the way, and where their time is kept. */
const timeOf = {
  sent: 'sentAt',
  parsed: 'parsedAt',
  detected: 'detectedAt',
  correlated: 'correlatedAt',
  stored: 'storedAt',
  searchable: 'searchableAt',
} as const satisfies Record<CanaryHop, keyof Canary>

interface Track {
  canary: Canary
  mark: CanaryMark
  ruleIds: ReadonlySet<string>
  needs: CanaryHop[]
  deadlineMs: number
  eventId: string | undefined
}

/**
 * Sends canaries and follows them: what the threads tell of them (`hear`), and what the event store answers (`poll`). Call
 * `tick` now and then and `poll` every second.
 */
export function createCanaries(options: CanariesOptions) {
  const { database, clock } = options
  const tracks = new Map<string, Track>()
  const counters = { canariesSent: 0, canariesArrived: 0, canariesLost: 0 }
  let opened = false
  let ticking: Promise<void> | undefined
  let polling: Promise<void> | undefined

  async function turn(): Promise<void> {
    if (!opened) {
      await interruptCanaries(database, clock)
      opened = true
    }
    const schedule = await options.schedule()
    if (schedule) await scheduleCanaries(database, clock, schedule.everyMs, schedule.except)
    const off = await options.switchedOff()
    for (const waiting of await waitingCanaries(database)) await start(waiting, off)
  }

  async function start({ canary, source }: WaitingCanary, off: ReadonlySet<string>): Promise<void> {
    const sample = sampleFor(canary, source, off)
    if (!sample) {
      await change(canary, { state: 'impossible', detail: 'no_sample', endedAt: new Date(clock.now()) })
      return
    }
    const input = inputOf(source?.transport)
    const ruleId = canary.ruleId ?? sample.ruleIds.find((id) => !off.has(id)) ?? null
    const needs: CanaryHop[] =
      ruleId === null
        ? ['sent', 'parsed', 'stored', 'searchable']
        : ['sent', 'parsed', 'detected', 'correlated', 'stored', 'searchable']
    const running = await change(canary, { state: 'running', parser: sample.parser, input, ruleId })
    const deadlineMs = clock.now() + canaryDeadlineMs
    const ruleIds = new Set(sample.ruleIds)
    // A rule's own test names the parser; a source's test does as for the source: what is not pinned is recognised.
    const mark = { id: canary.id, parser: source === null ? sample.parser : (source.pinnedParser ?? '') }
    const track: Track = { canary: running, mark, ruleIds, needs, deadlineMs, eventId: undefined }
    tracks.set(canary.id, track)
    try {
      const sentAt = new Date(clock.now())
      await options.send(input, mark, sample.lines)
      track.canary.sentAt = sentAt
      counters.canariesSent++
    } catch (error) {
      options.logger.warn({ err: error, canary: canary.id }, 'a canary was not taken in')
      await lose(track, 'sent', error instanceof Error ? error.message : String(error))
    }
  }

  function sampleFor(
    canary: Canary,
    source: WaitingCanary['source'],
    off: ReadonlySet<string>,
  ): CanarySample | undefined {
    if (canary.ruleId !== null) return options.samples.forRule(canary.ruleId)
    const parser = source?.pinnedParser ?? source?.parser
    const turn = Math.floor(canary.requestedAt.getTime() / hourMs)
    return parser ? options.samples.forParser(parser, turn, off) : undefined
  }

  async function change(canary: Canary, changed: Partial<Canary>): Promise<Canary> {
    await saveCanary(database, canary.id, changed)
    const next = { ...canary, ...changed }
    options.onChange(next)
    return next
  }

  async function end(track: Track, changed: Partial<Canary>): Promise<void> {
    tracks.delete(track.canary.id)
    track.canary = await change(track.canary, { ...timesOf(track.canary), ...changed, endedAt: new Date(clock.now()) })
  }

  async function lose(track: Track, hop: CanaryHop, detail: string | null): Promise<void> {
    counters.canariesLost++
    await end(track, { state: 'lost', lostAt: hop, detail })
    if ((await outcomeBefore(database, track.canary)) !== 'lost') await options.alarm(track.canary)
  }

  async function follow(track: Track): Promise<void> {
    const { canary } = track
    try {
      if (canary.parsedAt && !canary.storedAt && (await options.isStored(track.mark)))
        canary.storedAt = new Date(clock.now())
      if (canary.storedAt && !canary.searchableAt && track.eventId && (await options.isSearchable(track.eventId)))
        canary.searchableAt = new Date(clock.now())
    } catch (error) {
      // A store that does not answer has not stored it: the deadline decides.
      canary.detail = error instanceof Error ? error.message : String(error)
    }
    const missing = track.needs.find((hop) => canary[timeOf[hop]] === null)
    if (missing === undefined) {
      counters.canariesArrived++
      await end(track, { state: 'arrived', detail: null })
    } else if (clock.now() >= track.deadlineMs) await lose(track, missing, canary.detail)
  }

  async function pollAll(): Promise<void> {
    for (const track of [...tracks.values()]) if (track.canary.sentAt) await follow(track)
  }

  return {
    async tick(): Promise<void> {
      ticking ??= turn().finally(() => {
        ticking = undefined
      })
      await ticking
    },
    hear({ id, hop, atMs, ruleIds, eventId, understood }: CanaryNews): void {
      const track = tracks.get(id)
      if (!track) return
      if (hop === 'parsed') {
        if (understood === false) track.canary.detail = 'not_understood'
        else {
          track.eventId ??= eventId
          track.canary.parsedAt ??= new Date(atMs)
        }
      } else if (ruleIds?.some((ruleId) => track.ruleIds.has(ruleId)) || hop === 'detected') {
        track.canary[timeOf[hop]] ??= new Date(atMs)
      }
    },
    async poll(): Promise<void> {
      polling ??= pollAll().finally(() => {
        polling = undefined
      })
      await polling
    },
    counters: () => ({ ...counters, canariesOnTheWay: tracks.size }),
    async stop(): Promise<void> {
      await Promise.allSettled([ticking, polling])
    },
  }
}

function timesOf(canary: Canary): Partial<Canary> {
  return Object.fromEntries(Object.values(timeOf).map((name) => [name, canary[name]]))
}

function inputOf(transport: string | undefined): CanaryInput {
  if (transport === 'syslog-udp' || transport === 'syslog-tcp') return transport
  return transport === 'http' || transport === 'bulk' ? 'http' : 'bus'
}
