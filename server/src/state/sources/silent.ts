import { and, eq, isNotNull, isNull, not, type SQL, sql } from 'drizzle-orm'
import type { Clock } from '../../seams/clock/clock.ts'
import { sources } from '../../seams/store/schema/sources.ts'
import type { Database, Transaction } from '../../seams/store/store.ts'
import { systemActor } from '../actor.ts'
import { type AuditEntry, appendAuditAll } from '../audit/append.ts'
import { translateStoreError } from '../store-error.ts'

export interface SilenceChange {
  id: string
  key: string
  name: string
  unitPath: string
  lastSeenAt: Date
}

/** Audited one by one up to here; a network that fails takes many along. */
const auditedMax = 100

/**
 * Raises and lifts silence alarms; answers what changed since the last call. Call it every few seconds: the shortest silence is half a minute.
 * `watchingSinceMs` is when this program began to listen: silence while nobody listened is none.
 */
export async function checkSilence(
  database: Database,
  clock: Clock,
  watchingSinceMs: number,
): Promise<{ silent: SilenceChange[]; recovered: SilenceChange[] }> {
  const now = new Date(clock.now())
  const heardAt = sql`greatest(${sources.lastSeenAt}, ${new Date(watchingSinceMs).toISOString()}::timestamptz)`
  const watched = and(eq(sources.enabled, true), isNotNull(sources.silenceAfterMs))!
  const lapsed = sql`coalesce(${heardAt} + ${sources.silenceAfterMs} * interval '1 ms' < ${now.toISOString()}::timestamptz, false)`
  try {
    return await database.transaction(async (transaction) => {
      const silent = await mark(transaction, and(watched, isNull(sources.silentSince), lapsed)!, now)
      const heard = sql`${sources.lastSeenAt} > ${sources.silentSince}`
      const recovered = await mark(
        transaction,
        and(isNotNull(sources.silentSince), sql`(${heard} OR ${not(watched)})`)!,
        null,
      )
      const entries = [...entriesOf(silent, 'source.silent'), ...entriesOf(recovered, 'source.recovered')]
      await appendAuditAll(transaction, clock, entries)
      return { silent, recovered }
    })
  } catch (error) {
    throw translateStoreError(error)
  }
}

async function mark(transaction: Transaction, condition: SQL, silentSince: Date | null): Promise<SilenceChange[]> {
  const { id, key, name, unitPath, lastSeenAt } = sources
  return transaction
    .update(sources)
    .set({ silentSince })
    .where(condition)
    .returning({ id, key, name, unitPath, lastSeenAt })
}

function entriesOf(changes: SilenceChange[], action: string): AuditEntry[] {
  const actor = systemActor('sources')
  return changes.slice(0, auditedMax).map((change) => ({
    actor,
    action,
    target: `source:${change.id}`,
    unitPath: change.unitPath,
    detail: { key: change.key, lastSeenAt: change.lastSeenAt, ofAtOnce: changes.length },
  }))
}
