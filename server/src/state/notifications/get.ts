import { and, eq, isNull } from 'drizzle-orm'
import type { z } from 'zod'
import { notificationChannels } from '../../seams/store/schema/notifications.ts'
import { parseInput } from '../input.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'
import { type Channel, channelId, channelNotFound, channelView } from './channel.ts'

/** One channel. Throws NOT_FOUND when it was removed or lies outside the actor's units. */
export async function getChannel(context: Context, input: z.input<typeof channelId>): Promise<Channel> {
  const { id } = parseInput(channelId, input)
  return read(context, 'notification:read', async (database) => {
    const [row] = await database
      .select()
      .from(notificationChannels)
      .where(
        and(
          eq(notificationChannels.id, id),
          isNull(notificationChannels.removedAt),
          withinUnit(notificationChannels.unitPath, context.actor.unitPath),
        ),
      )
    if (!row) throw channelNotFound(id)
    return channelView(row)
  })
}
