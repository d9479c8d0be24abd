import type { Event, FieldValue } from '../../event/event.ts'
import { type ColumnKind, coreColumns, envelopeColumns } from './columns.ts'
import { FewsColumn, IpsColumn, MapColumn, StringsColumn } from './native-arrays.ts'
import { NativeBytes } from './native-bytes.ts'
import { FewColumn, IpColumn, type NativeColumn, NumberColumn, ShortColumn, StringColumn } from './native-columns.ts'

const dayMs = 86_400_000
/** A hundred years; the type Date ends in 2149, and a retention beyond it would wrap to the past. */
const longestRetentionDays = 36_500

const columnOfKind: Record<ColumnKind, () => NativeColumn> = {
  string: () => new StringColumn(),
  few: () => new FewColumn(),
  long: () => new NumberColumn('long'),
  double: () => new NumberColumn('double'),
  boolean: () => new NumberColumn('boolean'),
  date: () => new NumberColumn('date'),
  ip: () => new IpColumn(),
  strings: () => new StringsColumn(),
  fews: () => new FewsColumn(),
  ips: () => new IpsColumn(),
}

/**
 * Encodes events as one block of ClickHouse's Native format (columns one after the other, each with name and type),
 * straight from the event objects, which need not outlive the call of `add`. Four times cheaper for the server than JSON.
 * The encoder keeps its buffers, so it holds one block at a time. Equal events give equal bytes only on a new encoder
 * (dictionaries are kept); equal rows always.
 */
export class BlockEncoder {
  #rows = 0
  readonly #retentionDaysOf: (event: Event) => number
  readonly #timestamp = new NumberColumn('long', false)
  readonly #eventId = new StringColumn()
  readonly #received = new NumberColumn('long', false)
  readonly #receivedDay = new ShortColumn()
  readonly #retention = new ShortColumn()
  readonly #unitPath = new FewColumn()
  readonly #sourceKey = new FewColumn()
  readonly #originalHead = new StringColumn()
  readonly #originalTail = new StringColumn()
  readonly #originalHasMessage = new NumberColumn('boolean', false)
  readonly #extra = new MapColumn()
  readonly #core: { head: Uint8Array; column: NativeColumn }[]
  readonly #byField = new Map<string, NativeColumn>()
  readonly #envelopeHeads: Uint8Array[]

  constructor(retentionDaysOf: (event: Event) => number) {
    this.#retentionDaysOf = retentionDaysOf
    this.#envelopeHeads = envelopeColumns.map(({ name, type }) => columnHead(name, type))
    this.#core = coreColumns.map(({ name, type, kind, field }) => {
      const column = columnOfKind[kind]()
      this.#byField.set(field!, column)
      return { head: columnHead(name, type), column }
    })
  }

  /** Rows of the block so far. */
  get rows(): number {
    return this.#rows
  }

  /** Adds rows to the block, in any order: the server sorts. */
  add(events: readonly Event[]): void {
    for (const event of events) this.#addRow(this.#rows++, event)
  }

  #addRow(row: number, event: Event): void {
    this.#timestamp.setInteger(row, event.timeMs)
    this.#eventId.set(row, event.id)
    this.#received.setInteger(row, event.receivedAtMs)
    this.#receivedDay.set(row, Math.floor(event.receivedAtMs / dayMs))
    this.#retention.set(row, Math.min(this.#retentionDaysOf(event), longestRetentionDays))
    this.#unitPath.set(row, event.unitPath)
    this.#sourceKey.set(row, event.sourceKey)
    this.#addOriginal(row, event.raw, event.fields.message)
    const { fields } = event
    for (const name in fields) {
      const value = fields[name]!
      if (this.#byField.get(name)?.set(row, value) === true) continue
      this.#extra.add(name, jsonText(value))
    }
    this.#extra.endRow(row)
  }

  /** A message that lies in the record as it is, is not stored a second time. */
  #addOriginal(row: number, raw: Uint8Array, message: FieldValue | undefined): void {
    if (typeof message === 'string' && message.length >= 8 && message.length <= raw.length) {
      const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength)
      const needle = Buffer.from(message)
      // Mostly it is the end of the record; looking there first is cheapest.
      const atEnd = bytes.length - needle.length
      const start = atEnd >= 0 && bytes.compare(needle, 0, needle.length, atEnd) === 0 ? atEnd : bytes.indexOf(needle)
      if (start >= 0) {
        this.#originalHead.setBlob(row, raw, 0, start)
        this.#originalTail.setBlob(row, raw, start + needle.length, raw.length)
        this.#originalHasMessage.set(row, true)
        return
      }
    }
    this.#originalHead.setBlob(row, raw, 0, raw.length)
  }

  /** The block, in pieces that are valid until the next `reset`; nothing is added in between. */
  finish(): Uint8Array[] {
    const rows = this.#rows
    const head = new NativeBytes()
    const used = this.#core.filter(({ column }) => !column.isEmpty)
    head.varint(envelopeColumns.length + used.length)
    head.varint(rows)
    const parts: Uint8Array[] = [head.view()]
    // In the order of `envelopeColumns`.
    const envelope = [
      this.#timestamp,
      this.#eventId,
      this.#received,
      this.#receivedDay,
      this.#retention,
      this.#unitPath,
      this.#sourceKey,
      this.#originalHead,
      this.#originalTail,
      this.#originalHasMessage,
      this.#extra,
    ]
    for (const [index, column] of envelope.entries()) parts.push(this.#envelopeHeads[index]!, ...column.finish(rows))
    for (const { head: name, column } of used) parts.push(name, ...column.finish(rows))
    return parts
  }

  /** Begins a new block. */
  reset(): void {
    this.#rows = 0
    this.#timestamp.reset()
    this.#eventId.reset()
    this.#received.reset()
    this.#unitPath.reset()
    this.#sourceKey.reset()
    this.#originalHead.reset()
    this.#originalTail.reset()
    this.#originalHasMessage.reset()
    this.#extra.reset()
    for (const { column } of this.#core) column.reset()
  }
}

function columnHead(name: string, type: string): Uint8Array {
  const bytes = new NativeBytes()
  bytes.string(name)
  bytes.string(type)
  return Uint8Array.from(bytes.view())
}

function jsonText(value: FieldValue): string {
  // NaN and the infinities have no JSON; as text they are at least told.
  if (typeof value === 'number' && !Number.isFinite(value)) return JSON.stringify(String(value))
  return JSON.stringify(value)
}
