import { and, eq, isNull } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import type { Severity } from '../../event/event.ts'
import type { IncidentNotice } from '../../event/notice.ts'
import {
  type EmailSettings,
  notificationChannels,
  type WebhookSettings,
} from '../../seams/store/schema/notifications.ts'
import type { Transaction } from '../../seams/store/store.ts'
import { type Actor, covers } from '../actor.ts'
import { severities } from '../incidents/incident.ts'
import { idNumber, nameText } from '../input.ts'
import type { LiveContext } from '../live.ts'

const occasions = ['opened', 'severity_raised', 'closed'] as const

/** Headers that the program sets itself, that decide how a request is read, or that carry secrets. */
const forbiddenHeader =
  /^(host|content-.*|transfer-encoding|connection|upgrade|te|trailer|expect|idempotency-key|x-watchfire-.*|authorization|proxy-.*|cookie)$/i

/** Visible ASCII, RFC 9110 section 5.5. */
const headerValue = z
  .string()
  .max(1_000)
  .regex(/^[\x20-\x7e]*$/)
const headerName = z
  .string()
  .max(100)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/)
  .refine((name) => !forbiddenHeader.test(name), 'is set by the program, or would show a secret: use the secret')

export const webhookSettings = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .max(2_000)
    .refine((url) => !new URL(url).username && !new URL(url).password, 'must not carry a password'),
  headers: z
    .record(headerName, headerValue)
    .refine((headers) => Object.keys(headers).length <= 20, 'at most 20 headers')
    .optional(),
})

/** One address as in RFC 5321: no display name, no comments, nothing that ends a line. */
const mailAddress = z
  .string()
  .max(254)
  .regex(/^[^\s@<>",;:()[\]\\]+@[^\s@<>",;:()[\]\\]+$/)

export const emailSettings = z.strictObject({
  host: z
    .string()
    .min(1)
    .max(255)
    .regex(/^[A-Za-z0-9._:-]+$/),
  port: z.number().int().min(1).max(65_535),
  security: z.enum(['tls', 'starttls', 'none']).default('starttls'),
  username: z.string().min(1).max(255).optional(),
  from: mailAddress,
  to: z.array(mailAddress).min(1).max(50),
})

/** What every channel has, whatever its kind. */
export const channelParts = {
  name: nameText(100),
  language: z.enum(['zh', 'en']),
  minimumSeverity: z.enum(severities),
  /** Only incidents of these units and below; empty: all of the channel's unit. */
  unitIds: z.array(idNumber).max(100),
  occasions: z.array(z.enum(occasions)).min(1).max(occasions.length),
  enabled: z.boolean(),
  /** The key that signs webhooks, the password of the mail account. Never read back. */
  secret: z.string().min(1).max(4_096),
}

export const channelId = z.strictObject({ id: idNumber })

/** A channel as people see it: of the secret only whether there is one. */
export interface Channel {
  id: number
  unitPath: string
  name: string
  kind: 'webhook' | 'email'
  settings: WebhookSettings | EmailSettings
  hasSecret: boolean
  language: 'zh' | 'en'
  minimumSeverity: Severity
  unitIds: number[]
  occasions: IncidentNotice['occasion'][]
  enabled: boolean
  /** Rises with every change a person makes. */
  version: number
  createdAt: Date
  updatedAt: Date
  lastDeliveredAt: Date | null
  lastFailedAt: Date | null
  /** Of the last attempt, when it failed. */
  lastError: string | null
}

export function channelView(row: typeof notificationChannels.$inferSelect): Channel {
  const { secretName, removedAt: _, ...rest } = row
  return { ...rest, hasSecret: secretName !== null }
}

/** The secret of a channel goes by the channel's name, so that no channel can name another's. */
export function channelSecretName(id: number): string {
  return `notification:channel-${id}`
}

/** The channel, locked; throws NOT_FOUND when it is removed or lies outside the actor's units. */
export async function lockChannel(transaction: Transaction, actor: Actor, id: number) {
  const [row] = await transaction
    .select()
    .from(notificationChannels)
    .where(and(eq(notificationChannels.id, id), isNull(notificationChannels.removedAt)))
    .for('update')
  if (!row || !covers(actor, row.unitPath)) throw channelNotFound(id)
  return row
}

export function channelNotFound(id: number): CodedError {
  return new CodedError('NOT_FOUND', `channel:${id} was not found`, { target: `channel:${id}` })
}

export function tellChannel({ notify, clock }: LiveContext, id: number, unitPath: string, action: string): void {
  notify({ noun: 'channel', id: String(id), action, unitPath, atMs: clock.now() })
}
