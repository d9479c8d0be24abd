import pino from 'pino'
import { expect, test } from 'vitest'
import { CodedError } from '../event/errors.ts'
import type { Event } from '../event/event.ts'
import { decodeMatches, type EventMatches } from '../event/match.ts'
import { eventId, partId } from '../normalise/event-id.ts'
import type { Bus } from '../seams/bus/bus.ts'
import { systemClock } from '../seams/clock/clock.ts'
import { createMatchPublisher } from './match-publisher.ts'

const logger = pino({ level: 'silent' })
const clock = { ...systemClock, sleep: () => Promise.resolve() }
const found = (id: string, lastRecordId?: string): EventMatches => {
  const event = { id, lastRecordId, timeMs: 1, unitPath: '/1/', sourceKey: 'x', fields: {} } as Partial<Event> as Event
  const rules = [{ ruleId: 'r', counted: {} }]
  return { event, matches: [{ eventId: id, timeMs: 1, unitPath: '/1/', sourceKey: 'x', rules, fieldsText: '{}' }] }
}

test('matches come in the order of the records, also when the bus is full in between, one record for each of raw', async () => {
  const taken: number[] = []
  let refusals = 3
  const publish: Bus['publish'] = async (_topic, records) => {
    await new Promise((resolve) => setImmediate(resolve))
    if (refusals-- > 0) throw new CodedError('BUS_FULL', 'full')
    taken.push(...records.map((record) => decodeMatches(record).offset))
    return { partition: 0, first: 0, last: 0 }
  }
  const publisher = createMatchPublisher({ bus: { publish } as Bus, clock, logger })
  const of = (...ids: string[]) => publisher.publish(ids.map((id) => found(id)))
  const multi = eventId(0, 71)
  const done = Promise.all([
    of(eventId(0, 70), multi),
    of(),
    of(eventId(0, 1296), eventId(0, 90)),
    of(eventId(0, 1300)),
  ])
  await Promise.all([done, of(partId(eventId(0, 1301), 0), partId(eventId(0, 1301), 40))])
  expect(taken).toEqual([70, 71, 90, 1296, 1300, 1301])
  expect(publisher.published()).toBe(6)
})

test('what the bus refuses for good holds up all that follows', async () => {
  const publish: Bus['publish'] = () => Promise.reject(new CodedError('TOO_LARGE', 'too large'))
  const publisher = createMatchPublisher({ bus: { publish } as Bus, clock, logger })
  await expect(publisher.publish([found(eventId(0, 1))])).rejects.toThrow('too large')
  await expect(publisher.publish([found(eventId(0, 2))])).rejects.toThrow('too large')
})

test('an event of several records stands at the last of them, since a replay may join more than the first time', async () => {
  const taken: number[] = []
  const publish: Bus['publish'] = async (_topic, records) => {
    taken.push(...records.map((record) => decodeMatches(record).offset))
    return { partition: 0, first: 0, last: 0 }
  }
  const publisher = createMatchPublisher({ bus: { publish } as Bus, clock, logger })
  await publisher.publish([found(eventId(0, 14), eventId(0, 17)), found(eventId(0, 15))])
  expect(taken).toEqual([15, 17])
})
