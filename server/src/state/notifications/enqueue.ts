import { and, eq, isNull } from 'drizzle-orm'
import { severityRank } from '../../event/event.ts'
import type { IncidentNotice } from '../../event/notice.ts'
import { notificationChannels, outbox } from '../../seams/store/schema/notifications.ts'
import type { Transaction } from '../../seams/store/store.ts'

/** A notice and what makes it one of its kind: the same cause, seen again, adds nothing. */
export interface Notice extends IncidentNotice {
  cause: string
}

/**
 * Puts one outbox row for every enabled channel that wants the notice, in the transaction that caused it. A channel
 * wants it when the incident lies in its unit and units, its severity reaches the minimum and the occasion is chosen.
 */
export async function enqueueNotices(transaction: Transaction, notices: Notice[], nowMs: number): Promise<void> {
  if (notices.length === 0) return
  const channels = await transaction
    .select()
    .from(notificationChannels)
    .where(and(eq(notificationChannels.enabled, true), isNull(notificationChannels.removedAt)))
  const now = new Date(nowMs)
  const rows = notices.flatMap(({ cause, ...notice }) =>
    channels
      .filter((channel) => wants(channel, notice))
      .map((channel) => ({
        kind: channel.kind,
        channelId: channel.id,
        incidentId: notice.incidentId,
        unitPath: notice.unitPath,
        payload: notice,
        dedupeKey: `${channel.id}:${cause}`,
        state: 'pending' as const,
        nextAttemptAt: now,
        createdAt: now,
      })),
  )
  if (rows.length === 0) return
  await transaction.insert(outbox).values(rows).onConflictDoNothing({ target: outbox.dedupeKey })
}

type Wanting = Pick<typeof notificationChannels.$inferSelect, 'unitPath' | 'unitIds' | 'minimumSeverity' | 'occasions'>

function wants(channel: Wanting, notice: IncidentNotice): boolean {
  if (!notice.unitPath.startsWith(channel.unitPath)) return false
  if (channel.unitIds.length > 0 && !channel.unitIds.some((id) => notice.unitPath.includes(`/${id}/`))) return false
  return (
    severityRank[notice.severity] >= severityRank[channel.minimumSeverity] &&
    channel.occasions.includes(notice.occasion)
  )
}
