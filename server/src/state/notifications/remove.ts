import { and, eq } from 'drizzle-orm'
import type { z } from 'zod'
import { notificationChannels, outbox } from '../../seams/store/schema/notifications.ts'
import { secrets } from '../../seams/store/schema/settings.ts'
import { parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import { requireVersion } from '../version.ts'
import { write } from '../write.ts'
import { channelId, lockChannel, tellChannel } from './channel.ts'

/** Ends a channel and destroys its secret; what waits for it fails, what was sent stays on record. Throws NOT_FOUND. */
export async function removeChannel(context: LiveContext, input: z.input<typeof channelId>): Promise<void> {
  const { id } = parseInput(channelId, input)
  const { actor, clock } = context
  const verb = { action: 'notification.remove', permission: 'notification:write' } as const
  const unitPath = await write(context, verb, async (transaction) => {
    const { name, unitPath, secretName, version } = await lockChannel(transaction, actor, id)
    await requireVersion(transaction, context, `channel:${id}`, version)
    const now = new Date(clock.now())
    await transaction
      .update(notificationChannels)
      .set({ removedAt: now, updatedAt: now, enabled: false, secretName: null })
      .where(eq(notificationChannels.id, id))
    if (secretName) await transaction.delete(secrets).where(eq(secrets.name, secretName))
    await transaction
      .update(outbox)
      .set({ state: 'failed', lastError: 'The channel was removed' })
      .where(and(eq(outbox.channelId, id), eq(outbox.state, 'pending')))
    return { result: unitPath, target: `channel:${id}`, unitPath, detail: { name } }
  })
  tellChannel(context, id, unitPath, 'removed')
}
