import { and, eq, gte, lt, or, type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { auditHead, auditRows } from '../../seams/store/schema/audit.ts'
import type { Database, Transaction } from '../../seams/store/store.ts'
import type { Actor } from '../actor.ts'
import { parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { rootUnitPath } from '../units/unit.ts'
import { type Context, read } from '../write.ts'

export const auditFilters = {
  /** Name or id of who acted. */
  actor: z.string().max(200).optional(),
  /** A whole action (`user.create`) or its noun (`user`). */
  action: z.string().max(200).optional(),
  /** A whole target (`user:42`) or its noun (`user`). */
  target: z.string().max(200).optional(),
  from: z.coerce.date().optional(),
  /** Exclusive. */
  to: z.coerce.date().optional(),
}

const listAuditQuery = z.strictObject({ ...pageQuery, ...auditFilters })

export interface AuditRow {
  sequence: number
  at: Date
  actorKind: string
  actorId: string
  actorName: string
  address: string | null
  action: string
  target: string
  unitPath: string
  detail: Record<string, unknown>
  hash: string
}

const { sequence, time, actorKind, actorId, actorName, actorAddress, action, target, unitPath, detail, hash } =
  auditRows
const columns = {
  sequence,
  at: time,
  actorKind,
  actorId,
  actorName,
  address: actorAddress,
  action,
  target,
  unitPath,
  detail,
  hash,
}

const newestFirst: Keyset = { name: 'sequence', column: sql`${sequence}`, id: sql`${sequence}`, direction: 'desc' }

/** Counting a filtered chain of millions would take seconds: it stops here. */
const countedMax = 100_000

/** Who did what in the actor's unit and below, newest first. */
export async function listAudit(context: Context, query: z.input<typeof listAuditQuery> = {}): Promise<Page<AuditRow>> {
  const { limit, cursor, ...filters } = parseInput(listAuditQuery, query)
  return read(context, 'audit:read', async (database) => {
    const filter = auditCondition(context.actor, filters)
    const rows = await database
      .select(columns)
      .from(auditRows)
      .where(and(filter, afterCursor(newestFirst, cursor)))
      .orderBy(orderBy(newestFirst))
      .limit(limit + 1)
    const total = await countRows(database, filter)
    const page = pageOf(
      newestFirst,
      rows,
      limit,
      Math.min(total, countedMax),
      (row) => [row.sequence, row.sequence],
      (row) => row,
    )
    return filter !== undefined && total > countedMax ? { ...page, totalIsLowerBound: true } : { ...page, total }
  })
}

/** The actor's scope and the filters; undefined when that is every row. */
export function auditCondition(actor: Actor, filters: z.output<z.ZodObject<typeof auditFilters>>): SQL | undefined {
  const { from, to } = filters
  return and(
    scopeOf(actor),
    filters.actor ? or(eq(actorName, filters.actor), eq(actorId, filters.actor)) : undefined,
    filters.action ? wholeOrNoun(action, filters.action, '.') : undefined,
    filters.target ? wholeOrNoun(target, filters.target, ':') : undefined,
    from ? gte(time, from) : undefined,
    to ? lt(time, to) : undefined,
  )
}

/**
 * Rows keep the path a unit had when they were written. Whoever belongs to a unit sees its rows wherever it hung then, and
 * the unit it hung below goes on seeing what happened in that time: so we look for the unit's own id in the path.
 */
function scopeOf(actor: Actor): SQL | undefined {
  if (actor.unitPath === '/' || actor.unitPath === rootUnitPath) return undefined
  const id = actor.unitPath.split('/').at(-2)
  return sql`${unitPath} LIKE ${`%/${id}/%`}`
}

function wholeOrNoun(column: typeof action | typeof target, text: string, separator: string): SQL {
  return sql`(${column} = ${text} OR starts_with(${column}, ${`${text}${separator}`}))`
}

async function countRows(database: Database | Transaction, filter: SQL | undefined): Promise<number> {
  if (filter === undefined) {
    // The sequence is gapless, so the head is the count.
    const [head] = await database.select({ sequence: auditHead.sequence }).from(auditHead)
    return head?.sequence ?? 0
  }
  const { rows } = await database.execute<{ total: string }>(
    sql`SELECT count(*) AS total FROM (SELECT 1 FROM ${auditRows} WHERE ${filter} LIMIT ${countedMax + 1}) counted`,
  )
  return Number(rows[0]?.total ?? 0)
}
