import type { Fields, FieldValue } from '../event/event.ts'
import type { AuditRecord } from './formats/audit.ts'
import type { SyslogHeader } from './syslog.ts'
import type { Zone } from './zone.ts'

/** Values of one record under the names its source uses; nested objects as they came. */
export type SourceValues = Record<string, unknown>

/** What is remembered between the records of one sender, such as the column names of a Zeek log. */
export type Memory = Map<string, unknown>

/** The work on one record. One object is reused for all records of a normaliser. */
export interface Run {
  /** What is to be parsed: the record without its transport header. */
  text: string
  /** Header of the record; `version` 0 and `priority` -1 when there was none. */
  header: SyslogHeader
  hasHeader: boolean
  /** Program the content is from, by the header or the shipper. */
  program: string
  source: SourceValues
  fields: Fields
  /** Event time, NaN until one was found. */
  timeMs: number
  receivedAtMs: number
  zone: Zone
  memory: Memory
  tags: string[]
  /** Addresses, accounts and hosts seen in fields so far; they become `related.*`. */
  relatedIp: FieldValue[] | undefined
  relatedUser: FieldValue[] | undefined
  relatedHosts: FieldValue[] | undefined
  /** Bits of store-field.ts `derives`: which fields follow from those set. */
  derive: number
  /** Why the last parser did not understand the record. */
  reason: string
  /** The record only prepares the reading of others (column names). */
  isPreamble: boolean
  /** Set by the audit format: records of one serial are joined into one event. */
  auditRecord: AuditRecord | undefined
  /** JSON value of `text`; undefined when it is none. Parsed once. */
  json(): SourceValues | undefined
  /** Parses a line that another program wrapped, into the same fields; false when only generic parsers know it. */
  inner(text: string, program: string): boolean
}

export type Step = (run: Run) => void

/**
 * Thrown by a parser that finds the record is not what it reads. Not an Error: it is no failure, and taking a stack
 * trace for every line of a mixed source would cost more than parsing it.
 */
export class NotUnderstood {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}
