import { and, gt, isNull, or, sql } from 'drizzle-orm'
import { indicators } from '../../seams/store/schema/assets.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'
import type { IndicatorType } from './indicator.ts'

/**
 * Types of which some indicator is in force for events of the actor's units: of these units, or of one above them, whose
 * indicators hold below it too. Tells no more of those than that there are any.
 */
export async function indicatorTypesInForce(context: Context): Promise<Set<IndicatorType>> {
  return read(context, 'rule:read', async (database) => {
    const { type, unitPath, expiresAt } = indicators
    const { unitPath: ownPath } = context.actor
    const rows = await database
      .selectDistinct({ type })
      .from(indicators)
      .where(
        and(
          or(withinUnit(unitPath, ownPath), sql`starts_with(${ownPath}, ${unitPath})`),
          or(isNull(expiresAt), gt(expiresAt, new Date(context.clock.now()))),
        ),
      )
    return new Set(rows.map((row) => row.type))
  })
}
