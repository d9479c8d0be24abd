import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { CodedError } from '../../event/errors.ts'
import type { Event } from '../../event/event.ts'
import type { Login } from './child-config.ts'
import { BlockEncoder } from './encoder.ts'
import { insertError } from './errors.ts'
import { eventsTable } from './schema.ts'

export interface InserterOptions {
  /** Servers of one cluster; the next one is tried when one does not answer. */
  urls: readonly string[]
  writer: Login
  retentionDaysOf: (event: Event) => number
}

const answerTimeoutMs = 120_000

/**
 * Stores events as one block. `token` names the block: sent again under the same token (with the same events), it is
 * not stored a second time. Rejects with EVENTS_UNAVAILABLE (send it again) or EVENTS_REJECTED.
 * One block at a time: the encoder's buffers are reused.
 */
export function createInserter({ urls, writer, retentionDaysOf }: InserterOptions) {
  const encoder = new BlockEncoder(retentionDaysOf)
  const secure = urls[0]!.startsWith('https:')
  const agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
  let chosen = 0
  let running: Promise<void> = Promise.resolve()

  async function insertBlock(events: readonly Event[], token: string): Promise<void> {
    if (events.length === 0) return
    // The buffers are shared, so the next block is encoded when this one has been sent.
    const turn = running.then(() => send(encoder.encode(events), token))
    running = turn.catch(() => undefined)
    return turn
  }

  function send(parts: readonly Uint8Array[], token: string): Promise<void> {
    const url = new URL(urls[chosen]!)
    url.searchParams.set('query', `INSERT INTO ${eventsTable} FORMAT Native`)
    url.searchParams.set('insert_deduplicate', '1')
    url.searchParams.set('insert_deduplication_token', token)
    url.searchParams.set('async_insert', '0')
    // On a cluster the answer must mean that every shard has stored its part.
    url.searchParams.set('distributed_foreground_insert', '1')
    let byteCount = 0
    for (const part of parts) byteCount += part.length
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        chosen = (chosen + 1) % urls.length
        reject(error instanceof CodedError ? error : insertError('', error.message, error))
      }
      const headers = {
        'Content-Length': byteCount,
        'X-ClickHouse-User': writer.username,
        'X-ClickHouse-Key': writer.password,
      }
      const request = (secure ? httpsRequest : httpRequest)(url, {
        method: 'POST',
        agent,
        headers,
        timeout: answerTimeoutMs,
      })
      request.on('response', (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          if (text.length < 4096) text += chunk
        })
        response.on('error', fail)
        response.on('end', () => {
          const serverCode = String(response.headers['x-clickhouse-exception-code'] ?? '')
          if (response.statusCode === 200 && serverCode === '') resolve()
          else reject(insertError(serverCode, text))
        })
      })
      request.on('timeout', () =>
        request.destroy(new CodedError('EVENTS_UNAVAILABLE', 'The event store did not answer in time')),
      )
      request.on('error', fail)
      request.cork()
      for (const part of parts) request.write(part)
      request.uncork()
      request.end()
    })
  }

  return {
    insertBlock,
    async close(): Promise<void> {
      await running
      agent.destroy()
    },
  }
}
