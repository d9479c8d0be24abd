import type { Event } from '../event/event.ts'
import type { EventMatches } from '../event/match.ts'
import type { BusBatch, OffsetRange } from '../seams/bus/bus.ts'

/** The four steps of a process thread, each a function over a batch; wired in app/threads/process.ts. */
export interface Stages {
  /** RawRecord bytes -> Event: what no parser understands becomes an event too. */
  normalise(batch: BusBatch): Event[]
  /** Adds place, owner, asset and indicators to the events, in place. */
  enrich(events: Event[]): void
  /** Event -> what rules and indicators found in it. */
  detect(events: Event[]): EventMatches[]
  /** Puts the matches of one batch on the bus `matches`; resolves when they are durable there. */
  publishMatches(found: EventMatches[]): Promise<unknown>
  /** Gathers events into blocks, stores them, commits the offsets. */
  store(range: OffsetRange, events: Event[], before: Promise<unknown>): Promise<void>
}

/**
 * collect -> [bus raw] -> normalise -> enrich -> detect -> [bus matches] -> correlate -> respond
 *                                          \-> event store
 *
 * The whole flow on one screen. A detection never waits for the store: matches are published at once, events are
 * gathered into large blocks. The offset is committed when both are durable; a crash in between replays, and
 * deterministic ids, the places of matches and block tokens make the replay harmless.
 */
export function createPipeline({ normalise, enrich, detect, publishMatches, store }: Stages) {
  return async function process(batch: BusBatch): Promise<void> {
    const events = normalise(batch)
    enrich(events)
    const published = publishMatches(detect(events))
    await store(batch, events, published)
  }
}
