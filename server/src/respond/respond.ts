import { createHash } from 'node:crypto'
import { and, eq, inArray, sql } from 'drizzle-orm'
import type { Logger } from 'pino'
import type { Change } from '../event/change.ts'
import { CodedError } from '../event/errors.ts'
import { requireUtcOffset } from '../lib/utc-offset.ts'
import type { Clock } from '../seams/clock/clock.ts'
import {
  deliveries,
  type EmailSettings,
  notificationChannels,
  outbox,
  type WebhookSettings,
} from '../seams/store/schema/notifications.ts'
import type { Database } from '../seams/store/store.ts'
import { systemActor } from '../state/actor.ts'
import { appendAudit } from '../state/audit/append.ts'
import { translateStoreError } from '../state/store-error.ts'
import { sendEmail } from './actions/email/send.ts'
import { sendWebhook } from './actions/webhook/send.ts'
import type { Attempt, AttemptOptions, Message } from './attempt.ts'
import type { Resolve } from './destination.ts'

export interface RespondSettings {
  /** Most attempts; after them a delivery has failed and waits for a person. */
  attemptsMax: number
  /** Pause after the first attempt; doubles each time up to `pauseMaxMs`, give or take a half. */
  pauseMs: number
  pauseMaxMs: number
  /** Longest time of one attempt, resolving the name included. */
  attemptTimeoutMs: number
  /** How long a runner holds a row; longer than any attempt. */
  leaseMs: number
  /** Deliveries under way at once, in all and to one channel: a slow receiver holds up only itself. */
  concurrency: number
  concurrencyPerChannel: number
  pollMs: number
}

/** Twelve attempts at 5 s, 10 s, … up to an hour apart: about four hours, a receiver's restart or a short outage. */
export const defaultRespondSettings: RespondSettings = {
  attemptsMax: 12,
  pauseMs: 5_000,
  pauseMaxMs: 3_600_000,
  attemptTimeoutMs: 15_000,
  leaseMs: 60_000,
  concurrency: 16,
  concurrencyPerChannel: 4,
  pollMs: 1_000,
}

export interface ResponderOptions {
  database: Database
  clock: Clock
  /** Of the configuration: connectors may reach private and loopback addresses. */
  allowPrivateDestinations: boolean
  /** The one private origin that webhooks may reach all the same. */
  privateOrigin?: string
  /** IANA name of the zone of the times in mails. */
  timeZone: string
  /** Text of a kept secret by its name (state/secrets/use.ts). */
  resolveSecret: (name: string) => Promise<string>
  /** Called after the commit. */
  notify: (change: Change) => void
  logger: Pick<Logger, 'error' | 'warn'>
  settings?: RespondSettings
  /** Instead of the system's resolver, for tests. */
  resolve?: Resolve
}

export interface RespondCounters {
  delivered: number
  /** Attempts that failed and will be made again. */
  postponed: number
  /** Deliveries given up. */
  failed: number
}

export interface Responder {
  /** Delivers what is due now, as far as there is room; resolves when those attempts are over, with their number. */
  runOnce(): Promise<number>
  /** Delivers until stopped. */
  start(): void
  /** Stops; attempts under way are ended and will be made again. */
  stop(): Promise<void>
  counters(): RespondCounters
}

interface Leased {
  row: typeof outbox.$inferSelect
  channel: typeof notificationChannels.$inferSelect
}

const respondActor = systemActor('respond')

/**
 * Empties the outbox. A row is leased, sent, and its outcome recorded: a runner that dies in between loses its lease,
 * and another sends again with the same idempotency key, so nothing is lost and receivers can tell what came twice.
 */
export function createResponder(options: ResponderOptions): Responder {
  const { database, clock, logger, notify } = options
  const settings = options.settings ?? defaultRespondSettings
  const utcOffset = requireUtcOffset(options.timeZone)
  const counters: RespondCounters = { delivered: 0, postponed: 0, failed: 0 }
  const stopping = new AbortController()
  const underWay = new Set<Promise<void>>()
  let loop: Promise<void> | undefined

  async function launch(): Promise<Promise<void>[]> {
    const room = settings.concurrency - underWay.size
    if (room <= 0 || stopping.signal.aborted) return []
    const leased = await lease(database, clock.now(), room, settings)
    return leased.map((one) => {
      const work: Promise<void> = deliver(one)
        .catch((error) =>
          logger.error({ err: error, delivery: one.row.id }, 'the outcome of a delivery was not recorded'),
        )
        .finally(() => underWay.delete(work))
      underWay.add(work)
      return work
    })
  }

  async function deliver({ row, channel }: Leased): Promise<void> {
    const beganAtMs = clock.now()
    const attempt = await attemptOne(row, channel, beganAtMs)
    if (stopping.signal.aborted && !attempt.ok) return
    const state = await record({ row, channel }, attempt, beganAtMs)
    counters[state === 'pending' ? 'postponed' : state]++
    if (state === 'failed')
      logger.warn({ delivery: row.id, channel: channel.id, result: attempt.result }, 'a delivery was given up')
    notify({ noun: 'delivery', id: String(row.id), action: state, unitPath: row.unitPath, atMs: clock.now() })
  }

  async function attemptOne(row: Leased['row'], channel: Leased['channel'], nowMs: number): Promise<Attempt> {
    if (row.attempts > settings.attemptsMax) {
      return { ok: false, result: 'INTERRUPTED', error: 'The program ended during every attempt', retry: false }
    }
    const timeout = AbortSignal.timeout(settings.attemptTimeoutMs)
    const signal = AbortSignal.any([timeout, stopping.signal])
    try {
      const secret = channel.secretName === null ? undefined : await options.resolveSecret(channel.secretName)
      const { resolve, privateOrigin } = options
      const origin = 'url' in channel.settings ? new URL(channel.settings.url).origin : undefined
      const isOwn = privateOrigin !== undefined && origin === privateOrigin
      const allowPrivate = options.allowPrivateDestinations || isOwn
      return await send(row, channel, secret, { allowPrivate, nowMs, utcOffset, signal, resolve })
    } catch (error) {
      if (timeout.aborted) {
        return { ok: false, result: 'TIMEOUT', error: `No answer within ${settings.attemptTimeoutMs} ms`, retry: true }
      }
      const { code, message } = error as NodeJS.ErrnoException
      const retry = error instanceof CodedError ? error.retry : true
      return { ok: false, result: code ?? 'FAILED', error: message, retry }
    }
  }

  /** Writes attempt and outcome; the row's state after it. */
  async function record({ row, channel }: Leased, attempt: Attempt, beganAtMs: number) {
    const nowMs = clock.now()
    const now = new Date(nowMs)
    const isOver = attempt.ok || !attempt.retry || row.attempts >= settings.attemptsMax
    const state = attempt.ok ? 'delivered' : isOver ? 'failed' : 'pending'
    const error = attempt.error === undefined ? null : plain(attempt.error)
    const pauseMs = attempt.retryAfterMs ?? backOffMs(row.attempts, clock, settings)
    await database.transaction(async (transaction) => {
      await transaction.insert(deliveries).values({
        outboxId: row.id,
        attempt: row.attempts,
        at: new Date(beganAtMs),
        ok: attempt.ok,
        result: attempt.result,
        error,
        tookMs: Math.max(0, nowMs - beganAtMs),
      })
      // A runner whose lease ran out may still tell that it delivered; but it does not undo what another has told.
      const isOurs = attempt.ok ? sql`${outbox.state} <> 'delivered'` : eq(outbox.leasedUntil, row.leasedUntil!)
      await transaction
        .update(outbox)
        .set({
          state,
          lastError: attempt.ok ? null : error,
          leasedUntil: null,
          nextAttemptAt: new Date(nowMs + Math.min(pauseMs, settings.pauseMaxMs)),
          ...(attempt.ok ? { deliveredAt: now } : {}),
        })
        .where(and(eq(outbox.id, row.id), isOurs))
      await transaction
        .update(notificationChannels)
        .set(attempt.ok ? { lastDeliveredAt: now, lastError: error } : { lastFailedAt: now, lastError: error })
        .where(eq(notificationChannels.id, channel.id))
      // What left the platform, or should have and did not, is as much an act as any.
      if (state === 'pending') return
      const { id, unitPath, incidentId, kind, attempts } = row
      const detail = {
        channelId: channel.id,
        channel: channel.name,
        kind,
        incidentId,
        attempts,
        result: attempt.result,
      }
      const action = attempt.ok ? 'notification.deliver' : 'notification.fail'
      await appendAudit(transaction, clock, { actor: respondActor, action, target: `delivery:${id}`, unitPath, detail })
    })
    return state
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await launch()
        // Room comes free with the first that ends; a slow one is not waited for.
        const ended = new AbortController()
        for (const work of underWay) void work.then(() => ended.abort())
        await pause(AbortSignal.any([ended.signal, stopping.signal]))
      } catch (error) {
        logger.warn({ err: translateStoreError(error) }, 'the outbox cannot be read')
        await pause(stopping.signal)
      }
    }
  }

  /** Until the next look, or until the signal says that there is reason for one. */
  async function pause(signal: AbortSignal): Promise<void> {
    await clock.sleep(settings.pollMs, signal).catch(() => undefined)
  }

  return {
    async runOnce() {
      const launched = await launch()
      await Promise.all(launched)
      return launched.length
    },
    start() {
      loop ??= run()
    },
    async stop() {
      stopping.abort()
      await loop
      await Promise.all(underWay)
    },
    counters: () => ({ ...counters }),
  }
}

/** Takes due rows, at most a few of each channel, so that other runners leave them alone for a while. One statement. */
async function lease(database: Database, nowMs: number, room: number, settings: RespondSettings): Promise<Leased[]> {
  const now = new Date(nowMs)
  const until = new Date(nowMs + settings.leaseMs)
  const due = sql`o.state = 'pending' AND o.next_attempt_at <= ${now} AND (o.leased_until IS NULL OR o.leased_until <= ${now})`
  const { rows } = await database.execute<{ id: string }>(sql`
    WITH picked AS MATERIALIZED (
      SELECT o.id FROM outbox o WHERE ${due} AND o.id IN (
        SELECT x.id FROM notification_channels c CROSS JOIN LATERAL (
          SELECT o.id FROM outbox o WHERE o.channel_id = c.id AND ${due} ORDER BY o.next_attempt_at, o.id
          LIMIT greatest(0, ${settings.concurrencyPerChannel}::bigint - (SELECT count(*) FROM outbox busy
            WHERE busy.channel_id = c.id AND busy.state = 'pending' AND busy.leased_until > ${now}))
        ) x WHERE c.removed_at IS NULL)
      ORDER BY o.next_attempt_at, o.id LIMIT ${room} FOR UPDATE SKIP LOCKED)
    UPDATE outbox SET leased_until = ${until}, attempts = attempts + 1 WHERE id IN (SELECT id FROM picked) RETURNING id`)
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => Number(id))
  return database
    .select({ row: outbox, channel: notificationChannels })
    .from(outbox)
    .innerJoin(notificationChannels, eq(notificationChannels.id, outbox.channelId))
    .where(inArray(outbox.id, ids))
    .orderBy(outbox.nextAttemptAt, outbox.id)
}

function send(
  row: Leased['row'],
  channel: Leased['channel'],
  secret: string | undefined,
  options: AttemptOptions,
): Promise<Attempt> {
  const message: Omit<Message, 'settings'> = {
    // Without the channel's number, which is nobody's business outside.
    idempotencyKey: createHash('sha256').update(row.dedupeKey).digest('hex').slice(0, 32),
    notice: row.payload,
    secret,
    language: channel.language,
    channelName: channel.name,
  }
  return channel.kind === 'webhook'
    ? sendWebhook({ ...message, settings: channel.settings as WebhookSettings }, options)
    : sendEmail({ ...message, settings: channel.settings as EmailSettings }, options)
}

/** Doubles with every attempt; a random half more or less, so that what failed together is not tried again together. */
export function backOffMs(attempts: number, clock: Pick<Clock, 'random'>, settings: RespondSettings): number {
  const fullMs = Math.min(settings.pauseMaxMs, settings.pauseMs * 2 ** Math.min(attempts - 1, 30))
  const fraction = clock.random(4).readUInt32LE() / 2 ** 32
  return Math.round(fullMs * (0.5 + fraction))
}

/** Storable, and of a length to be read. */
function plain(text: string): string {
  return text.replaceAll(/\p{C}+/gu, ' ').slice(0, 500)
}
