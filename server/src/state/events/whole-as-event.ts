import type { Event, Fields } from '../../event/event.ts'
import type { WholeEvent } from './get.ts'

/** What stands beside the fields of an event. */
const beside = new Set(['@timestamp', 'event.id', 'event.ingested', 'event.original'])

/** A stored event as the stages know it. */
export function asEvent({ event, unitPath, sourceKey, receivedAt, raw }: WholeEvent): Event {
  const fields: Fields = {}
  for (const [name, value] of Object.entries(event)) if (!beside.has(name)) fields[name] = value
  const timeMs = Date.parse(event['@timestamp'])
  return { id: event['event.id'], timeMs, receivedAtMs: receivedAt.getTime(), raw, sourceKey, unitPath, fields }
}
