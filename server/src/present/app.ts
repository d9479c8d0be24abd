import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Actor, Permission } from '../state/actor.ts'
import type { SignedIn } from '../state/sessions/resolve.ts'
import type { ReadinessSummary } from './readiness.ts'

/** A Fastify instance whose schemas are zod's. */
export type App = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, ZodTypeProvider>

/**
 * What a caller needs for a route: a permission, `signed-in` (any person or program that is known), or `public`.
 * Every route names one; the server refuses to start when a route does not.
 */
export type Access = Permission | 'signed-in' | 'public'

export interface HttpCounters {
  liveClients: number
  liveMessagesSent: number
  /** Clients that did not read and were cut off; they come back and resume. */
  liveClientsDropped: number
  liveClientsRefused: number
  /** Uploads that were told to come again because too many were under way. */
  uploadsRefused: number
}

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
    /** Heeds If-Match: its verb compares the version (`requireVersion`). */
    conditional?: true
    /** Reached with a one-time password too, so that it can be changed. */
    beforePasswordChange?: boolean
    /** Log shippers come here: their Basic and ApiKey headers carry our bearer tokens. */
    forShippers?: boolean
  }
  interface FastifyInstance {
    /** Gauges and counters of the HTTP side, for metrics and for the page of losses. */
    httpCounters(): HttpCounters
    /** How many of the enabled rules can fire now, over the whole platform. */
    measureReadiness(): Promise<ReadinessSummary>
  }
  interface FastifyRequest {
    /** Set by present/authenticate.ts on every route that is not public. */
    actor: Actor
    /** The browser session the request came with; null for programs. */
    session: (SignedIn & { token: string }) | null
  }
}
