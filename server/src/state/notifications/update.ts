import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { notificationChannels } from '../../seams/store/schema/notifications.ts'
import { idNumber, parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import type { MasterKeys } from '../secrets/master-keys.ts'
import { storeSecret } from '../secrets/secret.ts'
import { locateUnit } from '../units/locate.ts'
import { nextVersion, requireVersion } from '../version.ts'
import { write } from '../write.ts'
import {
  type Channel,
  channelParts,
  channelSecretName,
  channelView,
  emailSettings,
  lockChannel,
  tellChannel,
  webhookSettings,
} from './channel.ts'

const updateChannelInput = z.strictObject({
  id: idNumber,
  ...z.object(channelParts).partial().shape,
  /** Of the channel's kind; replaces the whole. */
  settings: z.unknown().optional(),
})

/**
 * Changes what is given; a secret that is left out stays. Throws NOT_FOUND, BAD_REQUEST for settings of another kind.
 */
export async function updateChannel(
  context: LiveContext,
  keys: MasterKeys,
  input: z.input<typeof updateChannelInput>,
): Promise<Channel> {
  const { id, secret, settings, ...given } = parseInput(updateChannelInput, input)
  const { actor, clock } = context
  const verb = { action: 'notification.update', permission: 'notification:write' } as const
  const channel = await write(context, verb, async (transaction) => {
    const before = await lockChannel(transaction, actor, id)
    await requireVersion(transaction, context, `channel:${id}`, before.version)
    const { unitPath } = before
    const kindSettings = before.kind === 'webhook' ? webhookSettings : emailSettings
    const change = Object.fromEntries(
      Object.entries({
        ...given,
        settings: settings === undefined ? undefined : parseInput(kindSettings, settings),
      }).filter(([, value]) => value !== undefined),
    )
    for (const unitId of given.unitIds ?? []) await locateUnit(transaction, actor, unitId)
    if (secret !== undefined) {
      const name = channelSecretName(id)
      await storeSecret(transaction, { keys, clock, name, unitPath, by: actor.name }, Buffer.from(secret))
      change.secretName = name
    }
    const [row] = await transaction
      .update(notificationChannels)
      .set({ ...change, updatedAt: new Date(clock.now()), version: nextVersion(notificationChannels.version) })
      .where(eq(notificationChannels.id, id))
      .returning()
    const replaced = Object.fromEntries(Object.keys(change).map((name) => [name, before[name as keyof typeof before]]))
    const detail = { before: replaced, after: change, secretReplaced: secret !== undefined }
    return { result: channelView(row!), target: `channel:${id}`, unitPath, detail }
  })
  tellChannel(context, channel.id, channel.unitPath, 'changed')
  return channel
}
