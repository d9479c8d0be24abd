import { and, asc, count, eq, inArray, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Bilingual } from '../../event/incident.ts'
import type { IncidentNotice } from '../../event/notice.ts'
import { deliveries, notificationChannels, outbox } from '../../seams/store/schema/notifications.ts'
import { idNumber, parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'

const listDeliveriesQuery = z.strictObject({
  ...pageQuery,
  id: idNumber.optional(),
  channelId: idNumber.optional(),
  incidentId: idNumber.optional(),
  state: z
    .array(z.enum(['pending', 'delivered', 'failed']))
    .max(3)
    .optional(),
})

/** One notice to one channel, with every attempt. */
export interface Delivery {
  id: number
  channelId: number
  channelName: string
  kind: 'webhook' | 'email'
  incidentId: number | null
  occasion: IncidentNotice['occasion']
  title: Bilingual
  state: 'pending' | 'delivered' | 'failed'
  attemptCount: number
  lastError: string | null
  /** Null when no attempt will follow by itself. */
  nextAttemptAt: Date | null
  createdAt: Date
  deliveredAt: Date | null
  attempts: { at: Date; ok: boolean; result: string; error: string | null; tookMs: number }[]
}

const newestFirst: Keyset = { name: 'id', column: sql`${outbox.id}`, id: sql`${outbox.id}`, direction: 'desc' }
const attemptsShown = 20

/** What was sent, waits or failed, for channels and incidents of the actor's units; newest first. */
export async function listDeliveries(
  context: Context,
  query: z.input<typeof listDeliveriesQuery> = {},
): Promise<Page<Delivery>> {
  const { limit, cursor, id, channelId, incidentId, state } = parseInput(listDeliveriesQuery, query)
  const { unitPath } = context.actor
  const filter = and(
    withinUnit(outbox.unitPath, unitPath),
    withinUnit(notificationChannels.unitPath, unitPath),
    id === undefined ? undefined : eq(outbox.id, id),
    channelId === undefined ? undefined : eq(outbox.channelId, channelId),
    incidentId === undefined ? undefined : eq(outbox.incidentId, incidentId),
    state?.length ? inArray(outbox.state, state) : undefined,
  )
  return read(context, 'notification:read', async (database) => {
    const rows = await database
      .select({ sent: outbox, channelName: notificationChannels.name })
      .from(outbox)
      .innerJoin(notificationChannels, eq(notificationChannels.id, outbox.channelId))
      .where(and(filter, afterCursor(newestFirst, cursor)))
      .orderBy(orderBy(newestFirst))
      .limit(limit + 1)
    const [counted] = await database
      .select({ total: count() })
      .from(outbox)
      .innerJoin(notificationChannels, eq(notificationChannels.id, outbox.channelId))
      .where(filter)
    const ids = rows.map(({ sent }) => sent.id)
    const tried = ids.length
      ? await database.select().from(deliveries).where(inArray(deliveries.outboxId, ids)).orderBy(asc(deliveries.id))
      : []
    return pageOf(
      newestFirst,
      rows,
      limit,
      counted?.total ?? 0,
      ({ sent }) => [sent.id, sent.id],
      ({ sent, channelName }): Delivery => ({
        id: sent.id,
        channelId: sent.channelId,
        channelName,
        kind: sent.kind,
        incidentId: sent.incidentId,
        occasion: sent.payload.occasion,
        title: sent.payload.title,
        state: sent.state,
        attemptCount: sent.attempts,
        lastError: sent.lastError,
        nextAttemptAt: sent.state === 'pending' ? sent.nextAttemptAt : null,
        createdAt: sent.createdAt,
        deliveredAt: sent.deliveredAt,
        attempts: tried
          .filter(({ outboxId }) => outboxId === sent.id)
          .slice(-attemptsShown)
          .map(({ at, ok, result, error, tookMs }) => ({ at, ok, result, error, tookMs })),
      }),
    )
  })
}
