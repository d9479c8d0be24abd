import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../seams/clock/clock.ts'
import type { SensorReport } from '../seams/store/schema/traffic.ts'
import type { FoundPackets, PacketSelection } from '../traffic/packets/read-packets.ts'

export interface SensorLinkOptions {
  url: string
  token: string
  /** Name of the source the sensor feeds. */
  source: string
  clock: Clock
  onTrouble(text: string): void
  report(): Omit<SensorReport, 'packetsPerSecond' | 'bytesPerSecond'>
  /** Packets the sensor keeps; undefined when it keeps none. */
  findPackets(selections: PacketSelection[], limitBytes: number): Promise<FoundPackets> | undefined
}

/** What an answer may hold; the platform takes no more. */
const answerLimitBytes = 64 * 1_048_576
const firstDelayMs = 1_000
const longestDelayMs = 30_000
/** A platform that holds the request for longer than it promises is taken for gone. */
const requestTimeoutMs = 40_000

interface Question {
  id: string
  selections: PacketSelection[]
}

/**
 * Reports the sensor to the platform and answers what the platform asks of it: the sensor calls, so that nobody needs to
 * reach it. `stop` tells a last report and waits for nothing.
 */
export function followPlatform(options: SensorLinkOptions): { stop(): Promise<void> } {
  const { clock, source } = options
  const base = `${options.url.replace(/\/$/, '')}/api/v1/sensors/${encodeURIComponent(source)}`
  const stopping = new AbortController()
  let before = { atMs: clock.now(), packets: 0, wireBytes: 0 }
  let wasTold = false

  const call = (path: string, body: Uint8Array | string, type: string, signal: AbortSignal) =>
    fetch(`${base}/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${options.token}`, 'content-type': type },
      body: body as RequestInit['body'],
      signal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]),
    })

  function reportText(): string {
    const report = options.report()
    const now = clock.now()
    const seconds = Math.max(0.001, (now - before.atMs) / 1e3)
    const whole: SensorReport = {
      ...report,
      packetsPerSecond: (report.packets - before.packets) / seconds,
      bytesPerSecond: (report.wireBytes - before.wireBytes) / seconds,
    }
    before = { atMs: now, packets: report.packets, wireBytes: report.wireBytes }
    return JSON.stringify(whole)
  }

  async function answer({ id, selections }: Question): Promise<void> {
    const found = await options.findPackets(selections, answerLimitBytes)
    const pieces: Buffer[] = []
    if (found) for await (const piece of found.pcap()) pieces.push(piece)
    const query = `packets=${found?.packets ?? 0}&isCut=${found?.isCut ?? false}`
    const body = Buffer.concat(pieces)
    const response = await call(`packets/${id}?${query}`, body, 'application/vnd.tcpdump.pcap', stopping.signal)
    await response.arrayBuffer()
    if (!response.ok) options.onTrouble(`the platform answered ${response.status} to the packets it asked for`)
  }

  async function follow(): Promise<void> {
    let delayMs = firstDelayMs
    // What is there to tell when the sensor starts is told after the first packets.
    await setImmediate()
    while (!stopping.signal.aborted) {
      try {
        const response = await call('report', reportText(), 'application/json', stopping.signal)
        if (response.ok) {
          const { questions } = (await response.json()) as { questions: Question[] }
          for (const question of questions) await answer(question)
          delayMs = firstDelayMs
          wasTold = false
          continue
        }
        tellOnce(`the platform answered ${response.status} to the sensor's report: ${await response.text()}`)
      } catch (error) {
        if (stopping.signal.aborted) return
        tellOnce(`the platform does not take the sensor's report: ${(error as Error).message}`)
      }
      await clock.sleep(delayMs, stopping.signal).catch(() => undefined)
      delayMs = Math.min(2 * delayMs, longestDelayMs)
    }
  }

  /** A platform that is away is told once, not every half minute; the sender of the records tells of it too. */
  function tellOnce(text: string): void {
    if (!wasTold) options.onTrouble(text)
    wasTold = true
  }

  const following = follow()
  return {
    async stop() {
      stopping.abort()
      await following
    },
  }
}
