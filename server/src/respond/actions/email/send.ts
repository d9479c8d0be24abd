import { isIP } from 'node:net'
import { createTransport } from 'nodemailer'
import type { EmailSettings } from '../../../seams/store/schema/notifications.ts'
import type { Attempt, AttemptOptions, Message } from '../../attempt.ts'
import { resolveDestination } from '../../destination.ts'
import { renderNotice } from './render.ts'

const timeoutMs = 15_000

/**
 * Sends the notice as one mail to all recipients, in the channel's language. The server's name is resolved and judged
 * first and the connection goes to that address; its certificate is checked against the name. The message id is the
 * same for every attempt.
 */
export async function sendEmail(message: Message<EmailSettings>, options: AttemptOptions): Promise<Attempt> {
  const { settings, secret, idempotencyKey } = message
  const { allowPrivate, resolve, signal, utcOffset } = options
  const { address } = await resolveDestination(settings.host, { allowPrivate, resolve })
  const transport = createTransport({
    host: address,
    port: settings.port,
    secure: settings.security === 'tls',
    requireTLS: settings.security === 'starttls',
    ignoreTLS: settings.security === 'none',
    // An address is no server name (RFC 6066 section 3); its certificate then has to hold the address.
    tls: isIP(settings.host) ? {} : { servername: settings.host },
    auth: settings.username === undefined ? undefined : { user: settings.username, pass: secret ?? '' },
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const { subject, text, html } = renderNotice(message.notice, message.language, message.channelName, utcOffset)
  const stop = () => transport.close()
  signal.addEventListener('abort', stop, { once: true })
  try {
    const sent = await Promise.race([
      transport.sendMail({
        from: settings.from,
        to: settings.to,
        subject,
        text,
        html,
        messageId: `<${idempotencyKey}@watchfire>`,
        headers: { 'idempotency-key': idempotencyKey, 'auto-submitted': 'auto-generated' },
      }),
      rejectOn(signal),
    ])
    const result = /^\d{3}/.exec(sent.response)?.[0] ?? '250'
    const refused = sent.rejected.map(String)
    return {
      ok: true,
      result,
      retry: false,
      ...(refused.length > 0 ? { error: `Refused: ${refused.join(', ')}` } : {}),
    }
  } catch (error) {
    const { responseCode, code } = error as { responseCode?: number; code?: string }
    if (responseCode === undefined) throw error
    // RFC 5321 section 4.2.1: 4yz may succeed later, 5yz will not.
    return {
      ok: false,
      result: String(responseCode),
      error: `${code ?? 'SMTP'}: ${(error as Error).message}`,
      retry: responseCode < 500,
    }
  } finally {
    signal.removeEventListener('abort', stop)
    transport.close()
  }
}

function rejectOn(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
