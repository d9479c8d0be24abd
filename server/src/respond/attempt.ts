import type { IncidentNotice } from '../event/notice.ts'
import type { UtcOffset } from '../lib/utc-offset.ts'
import type { EmailSettings, WebhookSettings } from '../seams/store/schema/notifications.ts'
import type { Resolve } from './destination.ts'

/** One notice on its way to one channel. */
export interface Message<Settings = WebhookSettings | EmailSettings> {
  /** The same for every attempt of one notice: receivers drop what they have by it. */
  idempotencyKey: string
  notice: IncidentNotice
  settings: Settings
  secret: string | undefined
  language: 'zh' | 'en'
  /** For the text; incidents have no link when the platform does not know its own address. */
  channelName: string
}

export interface AttemptOptions {
  allowPrivate: boolean
  nowMs: number
  /** Of the zone of the times in texts. */
  utcOffset: UtcOffset
  /** Ends the attempt. */
  signal: AbortSignal
  resolve?: Resolve
}

/** What came of one attempt. */
export interface Attempt {
  ok: boolean
  /** `200`, `250`, or the code of what went wrong. */
  result: string
  error?: string
  /** False when trying again cannot help. */
  retry: boolean
  /** The receiver asked for this pause. */
  retryAfterMs?: number
}
