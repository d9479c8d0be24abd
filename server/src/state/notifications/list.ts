import { and, count, eq, isNull, sql } from 'drizzle-orm'
import { z } from 'zod'
import { notificationChannels } from '../../seams/store/schema/notifications.ts'
import { booleanQuery, parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'
import { type Channel, channelView } from './channel.ts'

const listChannelsQuery = z.strictObject({
  ...pageQuery,
  kind: z.enum(['webhook', 'email']).optional(),
  enabled: booleanQuery.optional(),
})

const byName: Keyset = {
  name: 'name',
  column: sql`${notificationChannels.name}`,
  id: sql`${notificationChannels.id}`,
  direction: 'asc',
}

/** Channels of the actor's units. */
export async function listChannels(
  context: Context,
  query: z.input<typeof listChannelsQuery> = {},
): Promise<Page<Channel>> {
  const { limit, cursor, kind, enabled } = parseInput(listChannelsQuery, query)
  const filter = and(
    isNull(notificationChannels.removedAt),
    withinUnit(notificationChannels.unitPath, context.actor.unitPath),
    kind ? eq(notificationChannels.kind, kind) : undefined,
    enabled === undefined ? undefined : eq(notificationChannels.enabled, enabled),
  )
  return read(context, 'notification:read', async (database) => {
    const rows = await database
      .select()
      .from(notificationChannels)
      .where(and(filter, afterCursor(byName, cursor)))
      .orderBy(orderBy(byName))
      .limit(limit + 1)
    const [counted] = await database.select({ total: count() }).from(notificationChannels).where(filter)
    return pageOf(byName, rows, limit, counted?.total ?? 0, (row) => [row.name, row.id], channelView)
  })
}
