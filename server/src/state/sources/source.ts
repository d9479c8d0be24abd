import { and, eq, sql } from 'drizzle-orm'
import { CodedError } from '../../event/errors.ts'
import { digestHex } from '../../lib/digest.ts'
import { sourceMinutes, sources } from '../../seams/store/schema/sources.ts'
import type { Database, Transaction } from '../../seams/store/store.ts'
import type { Actor } from '../actor.ts'
import { withinUnit } from '../scope.ts'

/** A sender of records as people see it. */
export interface Source {
  id: string
  key: string
  name: string
  transport: string
  /** Parser in use; null while none is recognised. */
  parser: string | null
  /** A person chose the parser. */
  pinned: boolean
  unitId: number
  unitPath: string
  firstSeenAt: Date
  lastSeenAt: Date
  lastEventAt: Date | null
  recordCount: number
  unparsedCount: number
  byteCount: number
  /** 0 to 1; 1 while nothing came. */
  parseRate: number
  /** Over the present and the last whole minute. */
  recordsPerSecond: number
  lastFailure: string | null
  silenceAfterMinutes: number | null
  silent: boolean
  silentSince: Date | null
  timeZone: string | null
  retentionClass: string
  enabled: boolean
  /** Rises with every change a person makes. */
  version: number
}

/** Id of the source with this key (event/raw-record.ts sourceKey). */
export function sourceId(key: string): string {
  return digestHex('sha256', key).slice(0, 16)
}

type Row = typeof sources.$inferSelect

/** Records of the present and the last whole minute; `now` is a timestamp. */
export function recentRecords(now: Date) {
  const since = new Date(Math.floor(now.getTime() / 60_000) * 60_000 - 60_000).toISOString()
  return sql<number>`coalesce((SELECT sum(m.records) FROM ${sourceMinutes} m
    WHERE m.source_id = sources.id AND m.minute >= ${since}::timestamptz), 0)::float8`
}

export function sourceOf(row: Row, recent: number, now: Date): Source {
  const { silenceAfterMs, pinnedParser, parsedCount, ...rest } = row
  const recentMs = Math.min(
    60_000 + (now.getTime() % 60_000),
    Math.max(1_000, now.getTime() - row.firstSeenAt.getTime()),
  )
  return {
    ...rest,
    parser: pinnedParser ?? row.parser,
    pinned: pinnedParser !== null,
    parseRate: row.recordCount === 0 ? 1 : parsedCount / row.recordCount,
    recordsPerSecond: (recent * 1_000) / recentMs,
    silenceAfterMinutes: silenceAfterMs === null ? null : Math.ceil(silenceAfterMs / 30_000) / 2,
    silent: row.silentSince !== null,
  }
}

/** The row, when in the actor's units; throws NOT_FOUND otherwise. */
export async function locateSource(transaction: Transaction, actor: Actor, id: string): Promise<Row> {
  const inScope = and(eq(sources.id, id), withinUnit(sources.unitPath, actor.unitPath))
  const [row] = await transaction.select().from(sources).where(inScope).for('update')
  if (!row) throw new CodedError('NOT_FOUND', `source:${id} was not found`, { target: `source:${id}` })
  return row
}

/** The source as people see it, when in the actor's units; throws NOT_FOUND otherwise. */
export async function loadSource(
  database: Database | Transaction,
  actor: Actor,
  id: string,
  now: Date,
): Promise<Source> {
  const [row] = await database
    .select({ source: sources, recent: recentRecords(now) })
    .from(sources)
    .where(and(eq(sources.id, id), withinUnit(sources.unitPath, actor.unitPath)))
  if (!row) throw new CodedError('NOT_FOUND', `source:${id} was not found`, { target: `source:${id}` })
  return sourceOf(row.source, row.recent, now)
}
