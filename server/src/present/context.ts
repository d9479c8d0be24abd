import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Change } from '../event/change.ts'
import type { EventsContext } from '../state/events/run.ts'
import type { LiveContext } from '../state/live.ts'
import type { Dependencies } from './dependencies.ts'
import { expectedVersionsOf } from './preconditions.ts'

/** What a verb is given for this request. */
export function contextOf(request: FastifyRequest, { database, clock, changes }: Dependencies): LiveContext {
  const { actor, routeOptions } = request
  const expectedVersions = routeOptions.config.conditional ? expectedVersionsOf(request) : undefined
  return { database, clock, actor, expectedVersions, notify: (change) => changes.send(change) }
}

/** The same for verbs over stored events; a query nobody waits for any more is cancelled. */
export function eventsContextOf(
  request: FastifyRequest,
  reply: FastifyReply,
  { events, clock }: Dependencies,
): EventsContext {
  const controller = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort()
  })
  return { events, clock, actor: request.actor, signal: controller.signal }
}

/** Tells live screens and worker threads of a change whose verb does not tell it itself. */
export function tell({ changes, clock }: Dependencies, change: Omit<Change, 'atMs'>): void {
  changes.send({ ...change, atMs: clock.now() })
}
