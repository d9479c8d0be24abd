import { and, eq } from 'drizzle-orm'
import { CodedError } from '../../event/errors.ts'
import { indicators } from '../../seams/store/schema/assets.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'
import { type Indicator, indicatorOf } from './indicator.ts'

/** One indicator. Throws NOT_FOUND outside the actor's units. */
export async function getIndicator(context: Context, id: number): Promise<Indicator> {
  return read(context, 'rule:read', async (database) => {
    const inScope = and(eq(indicators.id, id), withinUnit(indicators.unitPath, context.actor.unitPath))
    const [row] = await database.select().from(indicators).where(inScope)
    if (!row) throw new CodedError('NOT_FOUND', `indicator:${id} was not found`, { target: `indicator:${id}` })
    return indicatorOf(row, new Date(context.clock.now()))
  })
}
