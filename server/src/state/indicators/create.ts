import type { z } from 'zod'
import { indicators } from '../../seams/store/schema/assets.ts'
import { parseInput } from '../input.ts'
import { locateUnit, ownUnitId } from '../units/locate.ts'
import { type Context, write } from '../write.ts'
import { type Indicator, indicatorInput, indicatorOf } from './indicator.ts'

/** Adds an indicator, to be looked for in events of the actor's unit and below. Throws CONFLICT when the unit has it, BAD_REQUEST for a value that is none. */
export async function createIndicator(context: Context, input: z.input<typeof indicatorInput>): Promise<Indicator> {
  const facts = parseInput(indicatorInput, input)
  const now = new Date(context.clock.now())
  return write(context, { action: 'indicator.create', permission: 'rule:write' }, async (transaction) => {
    const unit = await locateUnit(transaction, context.actor, ownUnitId(context.actor), 'share')
    const row = { ...facts, unitId: unit.id, unitPath: unit.path, createdAt: now, updatedAt: now }
    const [created] = await transaction.insert(indicators).values(row).returning()
    return {
      result: indicatorOf(created!, now),
      target: `indicator:${created!.id}`,
      unitPath: unit.path,
      detail: { ...facts },
    }
  })
}
