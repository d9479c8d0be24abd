import { CodedError } from '../event/errors.ts'
import type { Clock } from '../seams/clock/clock.ts'

export interface RecordSenderOptions {
  /** Address of a platform, e.g. `http://127.0.0.1:8080`. */
  url: string
  token: string
  /** Name of the source the records come from. */
  source: string
  clock: Clock
  /** Told of every attempt that failed, and of lines that were given up. */
  onTrouble(text: string): void
  /** Bytes of lines that may wait while the platform does not answer. */
  limitBytes?: number
}

const batchBytes = 1_048_576
const firstDelayMs = 250
const longestDelayMs = 15_000
const defaultLimitBytes = 256 * 1_048_576

/**
 * Sends lines to a platform's ingest, in order, a batch at a time; a batch is sent again, with the same idempotency key,
 * until it is durable there. While the platform is away, lines wait up to a bound; then the oldest batch gives way and is counted.
 */
export function createRecordSender(options: RecordSenderOptions) {
  const { clock, limitBytes = defaultLimitBytes } = options
  const address = `${options.url.replace(/\/$/, '')}/api/v1/ingest/${encodeURIComponent(options.source)}`
  /** Keys are of this run: another run's first batch is another batch. */
  const run = clock.id()
  const waiting: { key: string; body: Buffer; lines: number }[] = []
  let waitingBytes = 0
  let open: string[] = []
  let openBytes = 0
  let number = 0
  let sent = 0
  let lost = 0
  let sending: Promise<void> | undefined

  function seal(): void {
    if (open.length === 0) return
    const body = Buffer.from(`${open.join('\n')}\n`)
    waiting.push({ key: `${run}-${number++}`, body, lines: open.length })
    waitingBytes += body.length
    open = []
    openBytes = 0
    // The batch in front is on its way and stays.
    while (waitingBytes > limitBytes && waiting.length > 2) {
      const [dropped] = waiting.splice(1, 1)
      waitingBytes -= dropped!.body.length
      lost += dropped!.lines
      options.onTrouble(`${dropped!.lines} records were given up: the platform does not take them fast enough`)
    }
    sending ??= send()
  }

  async function send(): Promise<void> {
    let delayMs = firstDelayMs
    while (waiting.length > 0) {
      const batch = waiting[0]!
      const failure = await attempt(batch.key, batch.body)
      if (failure === undefined) {
        waiting.shift()
        waitingBytes -= batch.body.length
        sent += batch.lines
        delayMs = firstDelayMs
        continue
      }
      options.onTrouble(failure.text)
      if (!failure.retry) {
        waiting.shift()
        waitingBytes -= batch.body.length
        lost += batch.lines
        continue
      }
      await clock.sleep(failure.afterMs ?? delayMs)
      delayMs = Math.min(2 * delayMs, longestDelayMs)
    }
    sending = undefined
  }

  async function attempt(
    key: string,
    body: Buffer,
  ): Promise<{ text: string; retry: boolean; afterMs?: number } | undefined> {
    try {
      const answer = await fetch(address, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${options.token}`,
          'content-type': 'application/x-ndjson',
          'idempotency-key': key,
        },
        body: new Uint8Array(body),
        signal: AbortSignal.timeout(60_000),
      })
      const text = await answer.text()
      if (answer.ok) return undefined
      const seconds = Number(answer.headers.get('retry-after'))
      // A refusal of the records themselves would come again; one of the token may be mended meanwhile.
      const retry = answer.status === 401 || answer.status === 403 || answer.status === 429 || answer.status >= 500
      return {
        text: `${address} answered ${answer.status}: ${text.slice(0, 300)}`,
        retry,
        ...(seconds > 0 ? { afterMs: seconds * 1e3 } : {}),
      }
    } catch (error) {
      return { text: `${address} does not answer: ${(error as Error).message}`, retry: true }
    }
  }

  return {
    add(line: string): void {
      open.push(line)
      openBytes += line.length
      if (openBytes >= batchBytes) seal()
    },
    /** Sends what was gathered, without waiting for it. */
    flush: seal,
    /** Resolves when everything is durable at the platform. */
    async settled(): Promise<void> {
      seal()
      await sending
    },
    counters: () => ({ sent, lost, waiting: waiting.reduce((sum, { lines }) => sum + lines, open.length) }),
  }
}

/** The token for a platform, from a file that only its owner should read. Throws CONFIG_INVALID. */
export function requireToken(text: string): string {
  const token = text.trim()
  if (token === '' || /\s/.test(token)) throw new CodedError('CONFIG_INVALID', 'the token file holds no token')
  return token
}
