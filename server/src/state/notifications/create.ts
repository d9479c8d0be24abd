import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { notificationChannels } from '../../seams/store/schema/notifications.ts'
import { idNumber, parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import type { MasterKeys } from '../secrets/master-keys.ts'
import { storeSecret } from '../secrets/secret.ts'
import { locateUnit } from '../units/locate.ts'
import { rootUnitId } from '../units/unit.ts'
import { write } from '../write.ts'
import {
  type Channel,
  channelParts,
  channelSecretName,
  channelView,
  emailSettings,
  tellChannel,
  webhookSettings,
} from './channel.ts'

const common = {
  ...channelParts,
  language: channelParts.language.default('zh'),
  minimumSeverity: channelParts.minimumSeverity.default('medium'),
  unitIds: channelParts.unitIds.default([]),
  occasions: channelParts.occasions.default(['opened', 'severity_raised']),
  enabled: channelParts.enabled.default(true),
  secret: channelParts.secret.optional(),
  /** The actor's own unit when left out. */
  unitId: idNumber.optional(),
}

export const createChannelInput = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('webhook'), settings: webhookSettings, ...common }),
  z.strictObject({ kind: z.literal('email'), settings: emailSettings, ...common }),
])

/** Adds a channel; its secret is sealed in the same transaction. Throws NOT_FOUND for units outside the actor's. */
export async function createChannel(
  context: LiveContext,
  keys: MasterKeys,
  input: z.input<typeof createChannelInput>,
): Promise<Channel> {
  const { unitId, secret, ...parts } = parseInput(createChannelInput, input)
  const { actor, clock } = context
  const verb = { action: 'notification.create', permission: 'notification:write' } as const
  const channel = await write(context, verb, async (transaction) => {
    const own = Number(actor.unitPath.split('/').at(-2) || rootUnitId)
    const unitPath = (await locateUnit(transaction, actor, unitId ?? own, 'share')).path
    for (const id of parts.unitIds) await locateUnit(transaction, actor, id)
    const now = new Date(clock.now())
    const [row] = await transaction
      .insert(notificationChannels)
      .values({ ...parts, unitPath, createdAt: now, updatedAt: now })
      .returning()
    const { id } = row!
    if (secret !== undefined) {
      const name = channelSecretName(id)
      await storeSecret(transaction, { keys, clock, name, unitPath, by: actor.name }, Buffer.from(secret))
      await transaction.update(notificationChannels).set({ secretName: name }).where(eq(notificationChannels.id, id))
      row!.secretName = name
    }
    const detail = { ...parts, hasSecret: secret !== undefined }
    return { result: channelView(row!), target: `channel:${id}`, unitPath, detail }
  })
  tellChannel(context, channel.id, channel.unitPath, 'created')
  return channel
}
