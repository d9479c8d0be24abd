import type { Event } from '../event/event.ts'
import type { EngineRun } from './engine-run.ts'
import { deriveFields } from './finish.ts'
import { type AuditRecord, joinAudit } from './formats/audit.ts'
import type { Parser } from './parser.ts'
import { NotUnderstood } from './run.ts'
import type { SyslogHeader } from './syslog.ts'
import type { Zone } from './zone.ts'

/** A kernel audit event that may still go on: what a process that begins again needs to know of its records so far. */
export interface UnfinishedAudit {
  key: string
  records: readonly AuditRecord[]
  firstId: string
  /** Characters of the records, which their values keep in memory. */
  textLength: number
}

interface Held {
  partition: number
  event: Event
  parser: Parser
  /** Records that came in earlier batches and have their event already. */
  earlier: readonly AuditRecord[]
  /** Id of the event of the first record of all. */
  firstId: string
  records: AuditRecord[]
  raws: Uint8Array[]
  textLength: number
  header: SyslogHeader
  hasHeader: boolean
  zone: Zone
}

/** The kernel's record that nothing follows any more. */
const endOfEvent = 'EOE'
/** Most records of one serial that are carried on; one that has more is no event of the kernel. */
const recordsLimit = 64
const textLimit = 256 << 10

/**
 * Joins audit records of one sender, time and serial. Those of one batch become the event of the first of them. What
 * comes in a later batch becomes an event of its own, since the first is on its way; it carries the fields of the
 * earlier records too (tag `audit_continued`), so that a rule that needs the program of one record and the arguments of
 * another sees both however the stream was cut, and names the event it goes on (`continues`), so that a rule that both
 * satisfy is counted once. What is carried is forgotten at the end record or at a bound.
 */
export function createAuditJoiner(run: EngineRun) {
  let pending = new Map<string, Held>()
  const carried = new CarriedRecords()

  return {
    /** Takes the record that `run` has just read; true when it went into an event of this batch. */
    joins(key: string, audit: AuditRecord, raw: Uint8Array, recordId: string): boolean {
      const held = pending.get(key)
      if (!held) return false
      held.event.lastRecordId = recordId
      held.records.push(audit)
      held.raws.push(raw)
      held.textLength += run.text.length
      return true
    },

    /** The event of the first record of this batch, which those that follow may join. */
    hold(
      key: string,
      audit: AuditRecord,
      first: { partition: number; event: Event; parser: Parser; raw: Uint8Array; zone: Zone },
    ): void {
      const { partition, event, parser, raw, zone } = first
      const known = carried.get(key)
      pending.set(key, {
        partition,
        event,
        parser,
        earlier: known?.records ?? [],
        firstId: known?.firstId ?? event.id,
        records: [audit],
        raws: [raw],
        textLength: (known?.textLength ?? 0) + run.text.length,
        header: { ...run.header },
        hasHeader: run.hasHeader,
        zone,
      })
    },

    /** The batch is over: joins what belongs together. */
    finish(): void {
      if (pending.size === 0) return
      for (const [key, held] of pending) {
        const records = held.earlier.length === 0 ? held.records : [...held.earlier, ...held.records]
        const isTold = held.records.every(({ type }) => type === endOfEvent)
        if (held.earlier.length > 0) held.event.continues = held.firstId
        if (records.length > 1 && !isTold) join(run, held, records)
        const isOver = records.some(({ type }) => type === endOfEvent)
        if (isOver || records.length > recordsLimit || held.textLength > textLimit) carried.forget(key)
        else {
          const { partition, firstId, textLength, event } = held
          carried.keep({ key, records, firstId, textLength, partition, lastMs: event.receivedAtMs })
        }
      }
      pending = new Map()
    },

    /** What of a partition of the bus may go on in later batches, newest first. */
    unfinished: (partition: number): UnfinishedAudit[] => carried.newestOf(partition),

    /** Goes on from what `unfinished` told before a restart. */
    resume(partition: number, unfinished: readonly UnfinishedAudit[]): void {
      for (const one of unfinished.toReversed()) carried.keep({ ...one, partition, lastMs: 0 })
    },
  }
}

function join(run: EngineRun, held: Held, records: AuditRecord[]): void {
  const { event } = held
  run.header = held.header
  run.hasHeader = held.hasHeader
  run.zone = held.zone
  run.receivedAtMs = event.receivedAtMs
  run.begin()
  run.timeMs = records[0]!.timeMs
  run.source = joinAudit(records)
  try {
    held.parser.apply(run)
  } catch (thrown) {
    if (!(thrown instanceof NotUnderstood)) throw thrown
  }
  deriveFields(run)
  const tags = [...asList(event.fields.tags), ...(held.earlier.length > 0 ? ['audit_continued'] : [])]
  if (tags.length > 0) run.fields.tags = tags
  event.fields = run.fields
  if (held.raws.length > 1)
    event.raw = Buffer.concat(held.raws.flatMap((raw, index) => (index === 0 ? [raw] : [newline, raw])))
}

function asList(tags: Event['fields'][string] | undefined): string[] {
  return Array.isArray(tags) ? tags.map(String) : tags === undefined ? [] : [String(tags)]
}

const newline = Buffer.from('\n')

interface Carried extends UnfinishedAudit {
  partition: number
  /** When its last record was received. */
  lastMs: number
}

/** The kernel tells the records of an event in one go: what got nothing for so long before the newest is not told to a restart. */
const unfinishedMs = 10_000
/** Most characters told to a restart. */
const unfinishedLength = 1 << 20

/** What the last batches held, in two generations: when the young one is full the old one is forgotten. */
class CarriedRecords {
  #young = new Map<string, Carried>()
  #old = new Map<string, Carried>()
  #youngLength = 0

  get(key: string): Carried | undefined {
    return this.#young.get(key) ?? this.#old.get(key)
  }

  keep(carried: Carried): void {
    const { key } = carried
    if (this.#young.size >= 5_000 || this.#youngLength + carried.textLength > 4 << 20) {
      this.#old = this.#young
      this.#young = new Map()
      this.#youngLength = 0
    }
    this.#youngLength += carried.textLength - (this.#young.get(key)?.textLength ?? 0)
    // Last in the order of the map is what got a record last.
    this.#young.delete(key)
    this.#young.set(key, carried)
  }

  newestOf(partition: number): UnfinishedAudit[] {
    const found: UnfinishedAudit[] = []
    let newestMs: number | undefined
    let length = 0
    for (const generation of [this.#young, this.#old]) {
      for (const carried of [...generation.values()].reverse()) {
        if (carried.partition !== partition || (generation === this.#old && this.#young.has(carried.key))) continue
        newestMs ??= carried.lastMs
        length += carried.textLength
        if (carried.lastMs < newestMs - unfinishedMs || length > unfinishedLength) return found
        const { key, records, firstId, textLength } = carried
        found.push({ key, records, firstId, textLength })
      }
    }
    return found
  }

  forget(key: string): void {
    this.#youngLength -= this.#young.get(key)?.textLength ?? 0
    this.#young.delete(key)
    this.#old.delete(key)
  }
}
