import type { z } from 'zod'
import { outbox } from '../../seams/store/schema/notifications.ts'
import { parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import { write } from '../write.ts'
import { channelId, lockChannel } from './channel.ts'

/**
 * Sends a test notice the way every other goes, through the outbox, even when the channel is switched off. Returns the
 * id of the delivery to look at. Throws NOT_FOUND.
 */
export async function testChannel(context: LiveContext, input: z.input<typeof channelId>): Promise<number> {
  const { id } = parseInput(channelId, input)
  const { actor, clock } = context
  const verb = { action: 'notification.test', permission: 'notification:write' } as const
  return write(context, verb, async (transaction) => {
    const { kind, unitPath, minimumSeverity: severity } = await lockChannel(transaction, actor, id)
    const nowMs = clock.now()
    const payload = {
      occasion: 'test' as const,
      incidentId: null,
      title: { zh: '烽燧通知测试', en: 'Watchfire test notice' },
      story: {
        zh: `${actor.name} 发出这条测试通知，收到即表示通道可用。`,
        en: `${actor.name} sent this test notice; that it arrived means the channel works.`,
      },
      severity,
      score: 0,
      unitPath,
      firstSeenMs: nowMs,
      lastSeenMs: nowMs,
      detectionCount: 0,
      matchCount: 0,
      techniques: [],
      entities: [],
      rules: [],
    }
    const now = new Date(nowMs)
    const [row] = await transaction
      .insert(outbox)
      .values({
        kind,
        channelId: id,
        unitPath,
        payload,
        dedupeKey: `${id}:test:${clock.id()}`,
        state: 'pending',
        nextAttemptAt: now,
        createdAt: now,
      })
      .returning({ id: outbox.id })
    return { result: row!.id, target: `channel:${id}`, unitPath, detail: { delivery: row!.id } }
  })
}
