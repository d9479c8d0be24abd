import type { Event } from '../event/event.ts'
import { createNormaliser } from './normalise.ts'
import type { Parser } from './parser.ts'

export interface OfflineOptions {
  parsers: readonly Parser[]
  /** Name of the file: the sender of its records. */
  file: string
  /** Parser to use; recognised from the content when absent. */
  parser?: string | undefined
  /** IANA name of the zone of times that say none. */
  zone: string
  /** Stands for the time of receipt: what years of dates without one are reckoned from. */
  receivedAtMs: number
}

/** An event of a file and the index of its record in it, counted from 0. Lines that only name columns are not counted. */
export interface OfflineEvent {
  event: Event
  index: number
}

/**
 * The events of a file without a bus: chunks of records, as a file reader gives them, in; events out, in order.
 * Event times are believed even when they lie ahead of the receipt, since a file may be older or newer than the clock.
 */
export async function* normaliseOffline(
  chunks: AsyncIterable<{ records: readonly Uint8Array[] }>,
  { parsers, file, parser, zone, receivedAtMs }: OfflineOptions,
): AsyncGenerator<OfflineEvent[]> {
  const normaliser = createNormaliser(parsers, { zone, aheadLimitMs: Number.POSITIVE_INFINITY })
  const pins = parser === undefined ? undefined : new Map([[`file:${file}`, { parser }]])
  let offset = 0
  let index = 0
  for await (const { records } of chunks) {
    const placed = records.map((body) => ({
      partition: 0,
      offset: offset++,
      record: { receivedAtMs, transport: 'file' as const, sender: file, source: '', body },
    }))
    const { events } = normaliser.normalise(placed, pins)
    yield events.filter((event) => !isPreamble(event)).map((event) => ({ event, index: index++ }))
  }
}

function isPreamble({ fields }: Event): boolean {
  return fields['event.kind'] === 'state' && String(fields['event.dataset']).endsWith('.header')
}
