import { and, eq, gt, isNull, ne } from 'drizzle-orm'
import type { Clock } from '../../seams/clock/clock.ts'
import { sessions } from '../../seams/store/schema/identity.ts'
import type { Transaction } from '../../seams/store/store.ts'

export type SessionEnd = NonNullable<typeof sessions.$inferSelect.endReason>

/** Ends a person's sessions, one excepted, in the caller's transaction, which audits it. Answers how many. */
export async function endSessionsOf(
  transaction: Transaction,
  clock: Clock,
  userId: number,
  endReason: SessionEnd,
  exceptId?: string,
): Promise<number> {
  const endedAt = new Date(clock.now())
  const live = and(eq(sessions.userId, userId), isNull(sessions.endedAt), gt(sessions.expiresAt, endedAt))
  const ended = await transaction
    .update(sessions)
    .set({ endedAt, endReason })
    .where(exceptId === undefined ? live : and(live, ne(sessions.id, exceptId)))
    .returning({ id: sessions.id })
  return ended.length
}
