import { and, eq, isNull } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { notificationChannels, outbox } from '../../seams/store/schema/notifications.ts'
import { covers } from '../actor.ts'
import { idNumber, parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import { write } from '../write.ts'

const retryDeliveryInput = z.strictObject({ id: idNumber })

/**
 * Lets a failed delivery be tried again, with all its attempts anew and the same idempotency key. Throws NOT_FOUND
 * outside the actor's units, CONFLICT when it has not failed or its channel was removed.
 */
export async function retryDelivery(context: LiveContext, input: z.input<typeof retryDeliveryInput>): Promise<void> {
  const { id } = parseInput(retryDeliveryInput, input)
  const { actor, clock } = context
  const verb = { action: 'notification.retry', permission: 'notification:write' } as const
  const unitPath = await write(context, verb, async (transaction) => {
    const [row] = await transaction.select().from(outbox).where(eq(outbox.id, id)).for('update')
    if (!row || !covers(actor, row.unitPath)) {
      throw new CodedError('NOT_FOUND', `delivery:${id} was not found`, { target: `delivery:${id}` })
    }
    const { unitPath, channelId, state } = row
    const [channel] = await transaction
      .select({ unitPath: notificationChannels.unitPath })
      .from(notificationChannels)
      .where(and(eq(notificationChannels.id, channelId), isNull(notificationChannels.removedAt)))
    if (!channel || !covers(actor, channel.unitPath) || state !== 'failed') {
      throw new CodedError('CONFLICT', `delivery:${id} cannot be tried again`, { state })
    }
    await transaction
      .update(outbox)
      .set({ state: 'pending', attempts: 0, nextAttemptAt: new Date(clock.now()), leasedUntil: null })
      .where(eq(outbox.id, id))
    return { result: unitPath, target: `delivery:${id}`, unitPath, detail: { channelId } }
  })
  context.notify({ noun: 'delivery', id: String(id), action: 'changed', unitPath, atMs: clock.now() })
}
