import type { FastifyReply, FastifyRequest } from 'fastify'
import { CodedError } from '../event/errors.ts'

/** Bodies of ingest that may be in memory at once, as sent; beyond it senders are told to come again. */
const inFlightLimits = { bytes: 256 << 20, requests: 256 } as const

/**
 * Bounds the memory that request bodies may take: a request reserves what it announces (or the most it may send)
 * before its body is read, and gives it back when the connection is done with it.
 */
export class InFlight {
  refused = 0
  #bytes = 0
  #requests = 0
  readonly #limits: { bytes: number; requests: number }

  constructor(limits: { bytes: number; requests: number } = inFlightLimits) {
    this.#limits = limits
  }

  /** Throws RATE_LIMITED when the bound is reached. */
  reserve(request: FastifyRequest, reply: FastifyReply, bodyLimitBytes: number): void {
    const announced = Number(request.headers['content-length'] ?? bodyLimitBytes)
    const bytes = Math.min(Number.isFinite(announced) ? announced : bodyLimitBytes, bodyLimitBytes)
    if (this.#requests + 1 > this.#limits.requests || this.#bytes + bytes > this.#limits.bytes) {
      this.refused++
      throw new CodedError('RATE_LIMITED', 'Too many uploads at once', { ...this.#limits, retryAfterSeconds: 1 })
    }
    this.#requests++
    this.#bytes += bytes
    reply.raw.once('close', () => {
      this.#requests--
      this.#bytes -= bytes
    })
  }
}
