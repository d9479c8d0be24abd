import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { tokens, units, users } from '../../seams/store/schema/identity.ts'
import { idNumber, parseInput } from '../input.ts'
import { requireVersion } from '../version.ts'
import { type Context, write } from '../write.ts'
import { tablesHoldingRowsOf } from './holdings.ts'
import { locateUnit, lockTree } from './locate.ts'
import { rootUnitId } from './unit.ts'

const removeUnitInput = z.strictObject({ id: idNumber })

/**
 * Removes an empty unit. Throws NOT_FOUND outside the actor's units, CONFLICT for the root and while units, users, tokens
 * or any other rows belong to it; `detail.holds` names what does.
 */
export async function removeUnit(context: Context, input: z.input<typeof removeUnitInput>): Promise<void> {
  const { id } = parseInput(removeUnitInput, input)
  return write(context, { action: 'unit.remove', permission: 'unit:write' }, async (transaction) => {
    await lockTree(transaction)
    const unit = await locateUnit(transaction, context.actor, id, 'update')
    await requireVersion(transaction, context, `unit:${id}`, unit.version)
    if (id === rootUnitId) throw new CodedError('CONFLICT', 'The root unit cannot be removed', { id })
    const [child] = await transaction.select({ id: units.id }).from(units).where(eq(units.parentId, id)).limit(1)
    const [user] = await transaction.select({ id: users.id }).from(users).where(eq(users.unitId, id)).limit(1)
    const [token] = await transaction.select({ id: tokens.id }).from(tokens).where(eq(tokens.unitId, id)).limit(1)
    const holds = [...(child ? ['units'] : []), ...(user ? ['users'] : []), ...(token ? ['tokens'] : [])]
    holds.push(...(await tablesHoldingRowsOf(transaction, unit.path)))
    if (holds.length > 0) {
      throw new CodedError('CONFLICT', `The unit still holds ${holds.join(', ')}`, { id, holds })
    }
    await transaction.delete(units).where(eq(units.id, id))
    return {
      result: undefined,
      target: `unit:${id}`,
      unitPath: unit.path,
      detail: { name: unit.name, path: unit.path },
    }
  })
}
