import { eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { units } from '../../seams/store/schema/identity.ts'
import type { Transaction } from '../../seams/store/store.ts'
import { idNumber, parseInput } from '../input.ts'
import { withinUnit } from '../scope.ts'
import { nextVersion, requireVersion } from '../version.ts'
import { type Context, write } from '../write.ts'
import { requirePlace, unitDepth } from './create.ts'
import { tablesWithUnitPath } from './holdings.ts'
import { locateUnit, lockTree } from './locate.ts'
import { rootUnitId } from './unit.ts'

const moveUnitInput = z.strictObject({ id: idNumber, parentId: idNumber })

/** Path of the moved unit before and after; every unit and row below changed the same beginning. */
export interface UnitMove {
  id: number
  from: string
  to: string
}

/**
 * Hangs a unit with all below it under another parent, and rewrites the paths of its units and of everything in the state
 * store that belongs to them, in one transaction. Audit rows and stored events keep the path they had when they happened.
 * Throws NOT_FOUND when unit or parent lie outside the actor's units, CONFLICT for the root, for a parent below the
 * unit itself and for a level that does not fit.
 */
export async function moveUnit(context: Context, input: z.input<typeof moveUnitInput>): Promise<UnitMove> {
  const { id, parentId } = parseInput(moveUnitInput, input)
  return write(context, { action: 'unit.move', permission: 'unit:write' }, async (transaction) => {
    await lockTree(transaction)
    const unit = await locateUnit(transaction, context.actor, id)
    const parent = await locateUnit(transaction, context.actor, parentId)
    await requireVersion(transaction, context, `unit:${id}`, unit.version)
    if (id === rootUnitId) throw new CodedError('CONFLICT', 'The root unit cannot be moved', { id })
    if (parent.path.startsWith(unit.path)) {
      throw new CodedError('CONFLICT', 'A unit cannot be moved below itself', { id, parentId })
    }
    requirePlace(parent, unit.kind, await heightOf(transaction, unit.path))
    const move: UnitMove = { id, from: unit.path, to: `${parent.path}${id}/` }
    await transaction
      .update(units)
      .set({ parentId, version: nextVersion(units.version) })
      .where(eq(units.id, id))
    await rewrite(transaction, 'units', 'path', move)
    for (const table of await tablesWithUnitPath(transaction)) await rewrite(transaction, table, 'unit_path', move)
    return {
      result: move,
      target: `unit:${id}`,
      unitPath: move.to,
      detail: { ...move },
      unchanged: move.from === move.to,
    }
  })
}

async function heightOf(transaction: Transaction, path: string): Promise<number> {
  const depth = sql<number>`max(length(${units.path}) - length(replace(${units.path}, '/', '')))::int`
  const [deepest] = await transaction.select({ slashes: depth }).from(units).where(withinUnit(units.path, path))
  return (deepest?.slashes ?? 0) - unitDepth(path)
}

async function rewrite(transaction: Transaction, table: string, column: string, { from, to }: UnitMove): Promise<void> {
  const path = sql.identifier(column)
  await transaction.execute(
    sql`UPDATE ${sql.identifier(table)} SET ${path} = ${to} || substr(${path}, ${from.length + 1}::int) WHERE ${withinUnit(path, from)}`,
  )
}
