import { and, eq, sql } from 'drizzle-orm'
import { CodedError } from '../../event/errors.ts'
import { units } from '../../seams/store/schema/identity.ts'
import type { Database, Transaction } from '../../seams/store/store.ts'
import type { Actor } from '../actor.ts'
import { withinUnit } from '../scope.ts'
import { rootUnitId, rootUnitPath, type Unit } from './unit.ts'

/**
 * The unit, when the actor may see it; throws NOT_FOUND otherwise. With `lock: 'share'` it neither moves nor goes until
 * the transaction ends: every verb that writes a unit's path somewhere locates it so. `update` is for changing it.
 */
export async function locateUnit(
  database: Database | Transaction,
  actor: Actor,
  id: number,
  lock?: 'share' | 'update',
): Promise<Unit> {
  const query = database
    .select()
    .from(units)
    .where(and(eq(units.id, id), withinUnit(units.path, actor.unitPath)))
  const [unit] = await (lock ? query.for(lock) : query)
  if (!unit) throw new CodedError('NOT_FOUND', `unit:${id} was not found`, { target: `unit:${id}` })
  return unit
}

/** Held by whoever changes the shape of the tree, so that two moves never cross. Until the transaction ends. */
export async function lockTree(transaction: Transaction): Promise<void> {
  await transaction.execute(sql`SELECT pg_advisory_xact_lock(hashtext('units_tree'))`)
}

/** Id of the unit the actor belongs to; the root for the program itself. */
export function ownUnitId(actor: Actor): number {
  return Number(actor.unitPath.split('/').at(-2) || rootUnitId)
}

/** Path of that unit, for audit rows about no single thing. */
export function ownUnitPath(actor: Actor): string {
  return actor.unitPath === '/' ? rootUnitPath : actor.unitPath
}
