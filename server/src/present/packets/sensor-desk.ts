import { CodedError } from '../../event/errors.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import type { PacketSelection } from '../../traffic/packets/read-packets.ts'

/** What the platform wants of a sensor: the packets of these conversations. */
export interface PacketQuestion {
  id: string
  selections: PacketSelection[]
}

export interface PacketAnswer {
  pcap: Buffer
  packets: number
  isCut: boolean
}

interface Waiting {
  question: PacketQuestion
  isTaken: boolean
  settle(answer: PacketAnswer | undefined): void
}

/** How long a sensor has for an answer. */
const answerTimeoutMs = 60_000
/** How long a sensor waits for a question before it reports again. */
const pollMs = 20_000
/** Questions to one sensor at once. */
const questionsMax = 16

/**
 * Where sensors, which nobody can call, come and ask what is wanted of them. Keys are those of their sources, which bind a
 * sensor to the unit of its token.
 */
export class SensorDesk {
  private readonly questions = new Map<string, Map<string, Waiting>>()
  private readonly pollers = new Map<string, Set<() => void>>()
  private readonly clock: Clock
  private readonly closing = new AbortController()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /**
   * Asks the sensor and waits. Throws SENSOR_SILENT when it does not answer in time, RATE_LIMITED when too much is asked
   * of it already.
   */
  async ask(sensorKey: string, selections: PacketSelection[]): Promise<PacketAnswer> {
    const waiting = this.questions.get(sensorKey) ?? new Map<string, Waiting>()
    if (waiting.size >= questionsMax)
      throw new CodedError('RATE_LIMITED', 'Too much is asked of this sensor at once', { retryAfterSeconds: 5 })
    const question = { id: this.clock.id(), selections }
    const timeout = new AbortController()
    try {
      const answer = await new Promise<PacketAnswer | undefined>((settle) => {
        waiting.set(question.id, { question, isTaken: false, settle })
        this.questions.set(sensorKey, waiting)
        for (const wake of this.pollers.get(sensorKey) ?? []) wake()
        const signal = AbortSignal.any([timeout.signal, this.closing.signal])
        this.clock.sleep(answerTimeoutMs, signal).then(
          () => settle(undefined),
          () => settle(undefined),
        )
      })
      if (answer === undefined)
        throw new CodedError('SENSOR_SILENT', 'The sensor that watched the conversation does not answer')
      return answer
    } finally {
      timeout.abort()
      waiting.delete(question.id)
      if (waiting.size === 0) this.questions.delete(sensorKey)
    }
  }

  /** What is wanted of the sensor; waits for a while when there is nothing. `gone` says that it went away. */
  async poll(sensorKey: string, gone: AbortSignal): Promise<PacketQuestion[]> {
    const now = this.take(sensorKey)
    if (now.length > 0) return now
    const ended = new AbortController()
    const wakers = this.pollers.get(sensorKey) ?? new Set()
    const wake = () => ended.abort()
    wakers.add(wake)
    this.pollers.set(sensorKey, wakers)
    try {
      await this.clock.sleep(pollMs, AbortSignal.any([ended.signal, gone, this.closing.signal]))
    } catch {
      // Woken by a question, or nobody waits any more.
    } finally {
      wakers.delete(wake)
      if (wakers.size === 0) this.pollers.delete(sensorKey)
    }
    return gone.aborted ? [] : this.take(sensorKey)
  }

  /** True when the sensor was asked this and has not answered. */
  expects(sensorKey: string, id: string): boolean {
    return this.questions.get(sensorKey)?.has(id) ?? false
  }

  answer(sensorKey: string, id: string, answer: PacketAnswer): void {
    this.questions.get(sensorKey)?.get(id)?.settle(answer)
  }

  close(): void {
    this.closing.abort()
  }

  private take(sensorKey: string): PacketQuestion[] {
    const waiting = [...(this.questions.get(sensorKey)?.values() ?? [])].filter(({ isTaken }) => !isTaken)
    for (const one of waiting) one.isTaken = true
    return waiting.map(({ question }) => question)
  }
}
