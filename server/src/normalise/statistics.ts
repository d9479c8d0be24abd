import type { RawRecord, Transport } from '../event/raw-record.ts'

/** What one batch held of one sender. */
export interface SourceStatistics {
  sourceKey: string
  transport: Transport
  sender: string
  /** Name the sender gave, or empty. */
  source: string
  records: number
  /** Records a parser understood, and those stored as `unparsed`. */
  parsed: number
  failed: number
  bytes: number
  /** Parser of most of the records, `unparsed` when none. */
  parser: string
  lastReceivedAtMs: number
  lastEventTimeMs: number
  /** Why the last record failed; empty when none did. */
  lastReason: string
}

/** Statistics being gathered. */
export interface Tally extends SourceStatistics {
  byParser: Map<string, number>
}

export function emptyTally(key: string, record: RawRecord): Tally {
  return {
    sourceKey: key,
    transport: record.transport,
    sender: record.sender,
    source: record.source,
    records: 0,
    parsed: 0,
    failed: 0,
    bytes: 0,
    parser: '',
    lastReceivedAtMs: record.receivedAtMs,
    lastEventTimeMs: 0,
    lastReason: '',
    byParser: new Map(),
  }
}

export function countParser(statistics: Tally, parser: string): void {
  statistics.byParser.set(parser, (statistics.byParser.get(parser) ?? 0) + 1)
}

/** The statistics, with the parser of most records. */
export function finishTally({ byParser, ...statistics }: Tally): SourceStatistics {
  let most = 0
  for (const [parser, count] of byParser) {
    if (count > most) {
      most = count
      statistics.parser = parser
    }
  }
  return statistics
}
