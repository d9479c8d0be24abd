import { bigint, boolean, index, integer, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import type { Severity } from '../../../event/event.ts'
import type { IncidentNotice } from '../../../event/notice.ts'

const time = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 })

export interface WebhookSettings {
  url: string
  /** Further headers, no secrets. */
  headers?: Record<string, string>
}

export interface EmailSettings {
  host: string
  port: number
  /** `tls` from the first byte, `starttls` required, `none`. */
  security: 'tls' | 'starttls' | 'none'
  username?: string
  from: string
  to: string[]
}

/** Where notices of incidents go. Never deleted: deliveries name them. */
export const notificationChannels = pgTable(
  'notification_channels',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    /** Owner; incidents of this unit and below are sent. */
    unitPath: text('unit_path').notNull(),
    name: text('name').notNull(),
    kind: text('kind').$type<'webhook' | 'email'>().notNull(),
    settings: jsonb('settings').$type<WebhookSettings | EmailSettings>().notNull(),
    /** Name of a kept secret: the key that signs webhooks, the password of the mail account. */
    secretName: text('secret_name'),
    language: text('language').$type<'zh' | 'en'>().notNull(),
    minimumSeverity: text('minimum_severity').$type<Severity>().notNull(),
    /** Only incidents of these units and below; empty: all of `unitPath`. Ids, since paths change when units move. */
    unitIds: bigint('unit_ids', { mode: 'number' }).array().notNull(),
    /** Which changes of an incident are sent. */
    occasions: text('occasions').array().$type<IncidentNotice['occasion'][]>().notNull(),
    enabled: boolean('enabled').notNull(),
    /** Rises with every change a person makes. */
    version: integer('version').notNull().default(1),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    removedAt: time('removed_at'),
    lastDeliveredAt: time('last_delivered_at'),
    lastFailedAt: time('last_failed_at'),
    lastError: text('last_error'),
  },
  (table) => [index('notification_channels_unit').on(table.unitPath.op('text_pattern_ops'))],
)

/** What has to be sent, written in the transaction that caused it. */
export const outbox = pgTable(
  'outbox',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    kind: text('kind').$type<'webhook' | 'email'>().notNull(),
    channelId: bigint('channel_id', { mode: 'number' })
      .notNull()
      .references(() => notificationChannels.id),
    incidentId: bigint('incident_id', { mode: 'number' }),
    unitPath: text('unit_path').notNull(),
    payload: jsonb('payload').$type<IncidentNotice>().notNull(),
    /** One row per cause: a cause that is seen again adds nothing. Also tells the receiver that a message came twice. */
    dedupeKey: text('dedupe_key').notNull().unique(),
    state: text('state').$type<'pending' | 'delivered' | 'failed'>().notNull(),
    attempts: integer('attempts').notNull().default(0),
    nextAttemptAt: time('next_attempt_at').notNull(),
    /** A runner holds it until then; a runner that died loses it. */
    leasedUntil: time('leased_until'),
    lastError: text('last_error'),
    createdAt: time('created_at').notNull(),
    deliveredAt: time('delivered_at'),
  },
  (table) => [
    index('outbox_due').on(table.state, table.nextAttemptAt),
    index('outbox_incident').on(table.incidentId),
    index('outbox_channel').on(table.channelId, table.id),
    index('outbox_unit').on(table.unitPath.op('text_pattern_ops')),
  ],
)

/** Every attempt to send, with what came of it. */
export const deliveries = pgTable(
  'deliveries',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    outboxId: bigint('outbox_id', { mode: 'number' })
      .notNull()
      .references(() => outbox.id),
    attempt: integer('attempt').notNull(),
    at: time('at').notNull(),
    ok: boolean('ok').notNull(),
    /** Status of the answer (`200`, `250`) or the code of the failure. */
    result: text('result').notNull(),
    error: text('error'),
    tookMs: integer('took_ms').notNull(),
  },
  (table) => [index('deliveries_outbox').on(table.outboxId, table.id)],
)
