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

/** Rows that are stored as one, or not at all. */
export interface EventBlock {
  readonly rows: number
  /** Bytes of the records of the rows, as they came. */
  readonly rawBytes: number
  /** Encodes the events at once, so that they need not be kept. */
  add(events: readonly Event[]): void
  /**
   * Stores what was added. `token` names the block: sent again under the same token (with the same events), it is not
   * stored a second time. Rejects with EVENTS_UNAVAILABLE (send it again) or EVENTS_REJECTED.
   */
  insert(token: string): Promise<void>
  /** Gives its buffers back, for the next block. */
  release(): void
}

const answerTimeoutMs = 120_000
/** Encoders kept for later blocks; each holds buffers of the size of its largest block. */
const idleEncoders = 4

/** Opens blocks of events and sends them to the event store, one at a time. */
export function createInserter({ urls, writer, retentionDaysOf }: InserterOptions) {
  const idle: BlockEncoder[] = []
  const secure = urls[0]!.startsWith('https:')
  const agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
  let chosen = 0
  let running: Promise<void> = Promise.resolve()

  function openBlock(): EventBlock {
    const encoder = idle.pop() ?? new BlockEncoder(retentionDaysOf)
    let rawBytes = 0
    let parts: Uint8Array[] | undefined
    return {
      get rows() {
        return encoder.rows
      },
      get rawBytes() {
        return rawBytes
      },
      add(events) {
        if (parts !== undefined) throw new TypeError('a block that is being stored takes no more events')
        encoder.add(events)
        for (const event of events) rawBytes += event.raw.length
      },
      insert(token) {
        parts ??= encoder.rows === 0 ? [] : encoder.finish()
        const own = parts
        if (own.length === 0) return Promise.resolve()
        const turn = running.then(() => send(own, token))
        running = turn.catch(() => undefined)
        return turn
      },
      release() {
        parts = []
        encoder.reset()
        if (idle.length < idleEncoders) idle.push(encoder)
      },
    }
  }

  async function insertBlock(events: readonly Event[], token: string): Promise<void> {
    const block = openBlock()
    block.add(events)
    try {
      await block.insert(token)
    } finally {
      block.release()
    }
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
    openBlock,
    insertBlock,
    async close(): Promise<void> {
      await running
      agent.destroy()
    },
  }
}
