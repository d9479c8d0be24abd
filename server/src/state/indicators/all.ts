import { and, asc, gt, isNull, or } from 'drizzle-orm'
import type { Severity } from '../../event/event.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import { indicators } from '../../seams/store/schema/assets.ts'
import type { Database } from '../../seams/store/store.ts'
import { translateStoreError } from '../store-error.ts'
import type { IndicatorType } from './indicator.ts'

/** An indicator as the matcher needs it. */
export interface ActiveIndicator {
  id: number
  type: IndicatorType
  value: string
  severity: Severity
  confidence: number
  description: string
  origin: string
  /** It concerns events of this unit and below alone. */
  unitPath: string
  expiresAt: Date | null
}

const batchSize = 20_000

/** Every indicator in force, of every unit, in batches. */
export async function* loadIndicators(database: Database, clock: Clock): AsyncGenerator<ActiveIndicator[]> {
  const { id, type, value, severity, confidence, description, origin, unitPath, expiresAt } = indicators
  const columns = { id, type, value, severity, confidence, description, origin, unitPath, expiresAt }
  for (let after = 0; ; ) {
    const inForce = or(isNull(expiresAt), gt(expiresAt, new Date(clock.now())))
    let batch: ActiveIndicator[]
    try {
      batch = await database
        .select(columns)
        .from(indicators)
        .where(and(gt(id, after), inForce))
        .orderBy(asc(id))
        .limit(batchSize)
    } catch (error) {
      throw translateStoreError(error)
    }
    if (batch.length > 0) yield batch
    const last = batch.at(-1)
    if (last === undefined || batch.length < batchSize) return
    after = last.id
  }
}
