import { and, eq, isNull } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import type { IncidentNotice } from '../../event/notice.ts'
import { incidents } from '../../seams/store/schema/incidents.ts'
import { notificationChannels, outbox } from '../../seams/store/schema/notifications.ts'
import type { Transaction } from '../../seams/store/store.ts'
import { type Actor, covers } from '../actor.ts'
import { idNumber, noteText, parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import { channelNotFound } from '../notifications/channel.ts'
import { type Context, read, write } from '../write.ts'
import { incidentNotFound, tellIncident, visibleTo } from './incident.ts'
import { noticeOf } from './notice.ts'

const sendIncidentInput = z.strictObject({ id: idNumber, channelId: idNumber, note: noteText(1_000).default('') })

type Input = z.input<typeof sendIncidentInput>

export interface PreparedNotice {
  notice: IncidentNotice
  channel: typeof notificationChannels.$inferSelect
}

/**
 * What `sendIncident` would send, without sending it. Throws NOT_FOUND for an incident or channel outside the actor's units,
 * CONFLICT for a channel that is switched off or serves other units.
 */
export async function previewIncident(context: Context, input: Input): Promise<PreparedNotice> {
  const parsed = parseInput(sendIncidentInput, input)
  return read(context, 'incident:write', (database) => prepare(database, context.actor, parsed))
}

/**
 * Sends one incident, as it is now, to one channel because a person wants it, whatever the channel is set to be told of.
 * Returns the id of the delivery. Throws as `previewIncident` does.
 */
export async function sendIncident(context: LiveContext, input: Input): Promise<number> {
  const parsed = parseInput(sendIncidentInput, input)
  const { actor, clock } = context
  const { id, channelId } = parsed
  const verb = { action: 'incident.send', permission: 'incident:write' } as const
  const sent = await write(context, verb, async (transaction) => {
    const { notice, channel } = await prepare(transaction, actor, parsed)
    const { unitPath } = notice
    const now = new Date(clock.now())
    const [row] = await transaction
      .insert(outbox)
      .values({
        ...{ kind: channel.kind, channelId, incidentId: id, unitPath, payload: notice },
        dedupeKey: `${channelId}:incident:${id}:sent:${clock.id()}`,
        ...{ state: 'pending', nextAttemptAt: now, createdAt: now },
      })
      .returning({ id: outbox.id })
    const delivery = row!.id
    const detail = { channel: channelId, delivery, note: parsed.note }
    return { result: { delivery, unitPath }, target: `incident:${id}`, unitPath, detail }
  })
  tellIncident(context, id, sent.unitPath, 'sent')
  return sent.delivery
}

async function prepare(
  database: Pick<Transaction, 'select'>,
  actor: Actor,
  { id, channelId, note }: z.output<typeof sendIncidentInput>,
): Promise<PreparedNotice> {
  const ofIncident = and(eq(incidents.id, id), visibleTo(actor))
  const [incident] = await database.select().from(incidents).where(ofIncident)
  if (!incident) throw incidentNotFound(id)
  const ofChannel = and(eq(notificationChannels.id, channelId), isNull(notificationChannels.removedAt))
  const [channel] = await database.select().from(notificationChannels).where(ofChannel)
  if (!channel || !covers(actor, channel.unitPath)) throw channelNotFound(channelId)
  if (!channel.enabled) throw new CodedError('CONFLICT', `channel:${channelId} is switched off`, { channelId })
  // One that serves the incident's unit, a unit above it or one below; never a neighbour.
  const { unitPath } = channel
  if (!unitPath.startsWith(incident.unitPath) && !incident.unitPath.startsWith(unitPath))
    throw new CodedError('CONFLICT', `channel:${channelId} serves other units than the incident’s`, { channelId })
  return { notice: { ...noticeOf(incident, 'sent'), note, sentBy: actor.name }, channel }
}
