import { and, eq } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { indicators } from '../../seams/store/schema/assets.ts'
import { idNumber, parseInput } from '../input.ts'
import { withinUnit } from '../scope.ts'
import { type Context, write } from '../write.ts'

const removeIndicatorInput = z.strictObject({ id: idNumber })

/** Removes an indicator. Throws NOT_FOUND outside the actor's units. */
export async function removeIndicator(context: Context, input: z.input<typeof removeIndicatorInput>): Promise<void> {
  const { id } = parseInput(removeIndicatorInput, input)
  const target = `indicator:${id}`
  await write(context, { action: 'indicator.remove', permission: 'rule:write' }, async (transaction) => {
    const inScope = and(eq(indicators.id, id), withinUnit(indicators.unitPath, context.actor.unitPath))
    const [removed] = await transaction.delete(indicators).where(inScope).returning()
    if (!removed) throw new CodedError('NOT_FOUND', `${target} was not found`, { target })
    const { type, value, origin } = removed
    return { result: undefined, target, unitPath: removed.unitPath, detail: { type, value, origin } }
  })
}
