import { createHmac } from 'node:crypto'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import type { WebhookSettings } from '../../../seams/store/schema/notifications.ts'
import type { Attempt, AttemptOptions, Message } from '../../attempt.ts'
import { type Destination, resolveDestination } from '../../destination.ts'

/** Of an answer only so much is read; receivers have nothing to tell us but a status. */
const answerLimitBytes = 64 * 1024
const errorTextLimit = 300

/** Statuses that the same request will meet again (RFC 9110 section 15.5). */
const lasting = new Set([400, 401, 403, 404, 405, 406, 410, 411, 413, 414, 415, 422])

/** The body: the same bytes for every attempt of one notice. Times are milliseconds since the epoch. */
export function webhookBody({
  idempotencyKey,
  notice,
  language,
}: Pick<Message, 'idempotencyKey' | 'notice' | 'language'>): string {
  const { occasion, ...incident } = notice
  return JSON.stringify({ id: idempotencyKey, occasion, text: notice.title[language], incident })
}

/** `sha256=` and the hex HMAC-SHA256 of `<timestamp>.<body>` under the channel's secret. */
function signature(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`
}

/**
 * POSTs the notice as JSON to the channel's URL. The name is resolved and judged first and the connection goes to that
 * very address; redirects are not followed. A status of 200 to 299 is a delivery.
 */
export async function sendWebhook(message: Message<WebhookSettings>, options: AttemptOptions): Promise<Attempt> {
  const url = new URL(message.settings.url)
  const { allowPrivate, resolve } = options
  const destination = await resolveDestination(url.hostname, { allowPrivate, resolve })
  const body = webhookBody(message)
  const timestamp = String(options.nowMs)
  const headers: Record<string, string> = {
    ...message.settings.headers,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': 'Watchfire',
    'idempotency-key': message.idempotencyKey,
    'x-watchfire-timestamp': timestamp,
  }
  if (message.secret !== undefined) headers['x-watchfire-signature'] = signature(message.secret, timestamp, body)
  const { status, retryAfter, text } = await post(url, destination, headers, body, options.signal)
  if (status >= 200 && status < 300) return { ok: true, result: String(status), retry: false }
  return {
    ok: false,
    result: String(status),
    error: text === '' ? `The receiver answered ${status}` : `The receiver answered ${status}: ${text}`,
    retry: !lasting.has(status),
    retryAfterMs: retryAfter,
  }
}

interface Answer {
  status: number
  retryAfter: number | undefined
  text: string
}

function post(
  url: URL,
  { address, family }: Destination,
  headers: Record<string, string>,
  body: string,
  signal: AbortSignal,
): Promise<Answer> {
  const lookup: LookupFunction = (_, wanted, answer) =>
    wanted.all ? answer(null, [{ address, family }]) : answer(null, address, family)
  return new Promise((resolve, reject) => {
    const options = {
      method: 'POST',
      headers,
      signal,
      // A connection of its own: a kept one might lead to an address that was judged long ago.
      agent: false as const,
      family,
      maxHeaderSize: 16 * 1024,
      lookup,
    }
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options, (response) => {
      readAnswer(response).then(resolve, reject)
    })
    request.on('error', reject)
    request.end(body)
  })
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      length += chunk.length
      // Enough is known; what follows is not waited for. Leaving the loop ends the connection.
      if (length >= answerLimitBytes) break
    }
  } catch {
    // The status is known, and it alone decides; a body that breaks off takes nothing back.
  }
  const seconds = Number(response.headers['retry-after'])
  return {
    status: response.statusCode ?? 0,
    retryAfter: Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined,
    text: Buffer.concat(chunks)
      .toString('utf8')
      .replaceAll(/[\p{C}\s]+/gu, ' ')
      .trim()
      .slice(0, errorTextLimit),
  }
}
