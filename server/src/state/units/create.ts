import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { units } from '../../seams/store/schema/identity.ts'
import { idNumber, parseInput } from '../input.ts'
import { type Context, write } from '../write.ts'
import { locateUnit, lockTree } from './locate.ts'
import { mayHold, type Unit, unitCode, unitDepthMax, unitKinds, unitName } from './unit.ts'

const createUnitInput = z.strictObject({
  parentId: idNumber,
  kind: z.enum(unitKinds),
  name: unitName,
  code: unitCode.nullish().transform((code) => code ?? null),
})

/**
 * Adds a unit below `parentId`. Throws NOT_FOUND when the parent is not in the actor's units, CONFLICT when a sibling has
 * the name, the code is taken, the level does not fit below the parent or the tree would be too deep.
 */
export async function createUnit(context: Context, input: z.input<typeof createUnitInput>): Promise<Unit> {
  const { parentId, ...facts } = parseInput(createUnitInput, input)
  return write(context, { action: 'unit.create', permission: 'unit:write' }, async (transaction) => {
    await lockTree(transaction)
    const parent = await locateUnit(transaction, context.actor, parentId)
    requirePlace(parent, facts.kind, 1)
    const createdAt = new Date(context.clock.now())
    const nextId = sql<number>`nextval(pg_get_serial_sequence('units', 'id'))`
    const { rows } = await transaction.execute<{ id: string }>(sql`SELECT ${nextId} AS id`)
    const id = Number(rows[0]!.id)
    const unit: Unit = { id, parentId, ...facts, path: `${parent.path}${id}/`, version: 1, createdAt }
    await transaction.insert(units).values(unit)
    return { result: unit, target: `unit:${id}`, unitPath: unit.path, detail: { ...facts, parentId } }
  })
}

/** Throws CONFLICT when a subtree of `height` levels whose top is of `kind` does not fit below `parent`. */
export function requirePlace(parent: Unit, kind: Unit['kind'], height: number): void {
  if (!mayHold(parent.kind, kind)) {
    throw new CodedError('CONFLICT', `A ${kind} cannot lie below a ${parent.kind}`, { parent: parent.kind, kind })
  }
  if (unitDepth(parent.path) + height > unitDepthMax) {
    throw new CodedError('CONFLICT', `The tree of units is at most ${unitDepthMax} levels deep`, { unitDepthMax })
  }
}

/** Levels of a path: 1 for the root's `/1/`. */
export function unitDepth(path: string): number {
  return path.split('/').length - 2
}
