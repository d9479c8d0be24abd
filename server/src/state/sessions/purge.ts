import { lt } from 'drizzle-orm'
import type { Clock } from '../../seams/clock/clock.ts'
import { sessions } from '../../seams/store/schema/identity.ts'
import type { Database } from '../../seams/store/store.ts'
import { dropStaleLimits } from './limits.ts'

/** How long ended sessions stay to be looked at. */
const keptMs = 90 * 24 * 3_600_000

/** Housekeeping, once an hour: drops sessions that ended long ago and counts of failed sign-ins that no longer matter. */
export async function purgeSessions(database: Database, clock: Clock): Promise<void> {
  await dropStaleLimits(database, clock)
  // unaudited: housekeeping; signing in and out stay in the audit.
  await database.delete(sessions).where(lt(sessions.expiresAt, new Date(clock.now() - keptMs)))
}
