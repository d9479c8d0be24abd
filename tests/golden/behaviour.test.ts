import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { shippedContentDir } from '../../server/src/config/content-dir.ts'
import { loadAnalytics } from '../../server/src/detect/analytics/definition.ts'
import { scoreBeacon } from '../../server/src/detect/behaviour/beacon.ts'
import { createBehaviourWatch } from '../../server/src/detect/behaviour/watch.ts'
import type { Detection } from '../../server/src/event/event.ts'
import { SeededRandom } from '../../server/src/lib/seeded-random.ts'
import { recordEvent } from '../../server/src/traffic/event.ts'
import { captureRecords } from '../../server/src/traffic/read-capture.ts'
import { lookUp } from '../../tools/captures/protocols/dns.ts'
import { tls } from '../../tools/captures/protocols/tls.ts'
import { Wire } from '../../tools/captures/wire.ts'

const analytics = loadAnalytics([shippedContentDir()])
const inside = '10.20.1.7'
const outside = '198.51.100.9'

async function findings(capture: Uint8Array): Promise<Detection[]> {
  const watch = createBehaviourWatch(analytics)
  const found: Detection[] = []
  async function* bytes() {
    yield capture
  }
  let index = 0
  for await (const record of captureRecords(bytes(), () => {})) {
    for (const { detection } of watch.push([recordEvent(record, `e${index++}`)])) found.push(detection)
  }
  return found
}

const kept = (name: string) => readFileSync(join(shippedContentDir(), 'analytics', name))
const named = (found: Detection[]) => found.map(({ ruleTitle }) => ruleTitle)

/** Calls with the pauses a function gives. */
function calls(count: number, pauseMs: () => number, sentBytes: () => number): Buffer {
  const wire = new Wire()
  for (let index = 0; index < count; index++) {
    tls(wire.tcp({ from: inside, to: outside, port: 443 }), {
      serverName: 'x.example',
      dataBytes: [sentBytes(), 900],
    }).close()
    wire.wait(pauseMs())
  }
  return wire.bytes()
}

describe('beacons', () => {
  test('a call every five minutes with a fifth of jitter is found, and its reasons add up', async () => {
    const random = new SeededRandom(5)
    const found = await findings(
      calls(
        60,
        () => 300_000 * (0.8 + 0.4 * random.next()),
        () => 300 + random.integer(0, 20),
      ),
    )
    expect(named(found)).toEqual(['Calls in the rhythm of a program'])
    const [{ matched, fields, eventIds, entities }] = found as [Detection]
    const reasons = matched.filter(({ part }) => part === 'score')
    expect(reasons.map(({ field }) => field)).toEqual(['timing', 'size', 'duration', 'histogram', 'prevalence'])
    const sum = reasons.reduce((total, { value }) => total + Number.parseFloat(value), 0)
    expect(Math.abs(sum - Number(fields['watchfire.score']))).toBeLessThan(0.005)
    expect(fields['watchfire.beacon.histogram']).toEqual(expect.arrayContaining([expect.any(Number)]))
    expect(eventIds.length).toBeGreaterThan(0)
    expect(entities.map(({ value }) => value)).toEqual([inside, outside])
  })

  test('a person who browses is not', async () => {
    const random = new SeededRandom(6)
    const pause = () => -90_000 * Math.log(1 - random.next())
    expect(await findings(calls(200, pause, () => random.integer(200, 9_000)))).toEqual([])
  })

  test('every part lies between 0 and 1, whatever is called', () => {
    const time = fc.integer({ min: 0, max: 86_400_000 })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(time, fc.nat(100_000)), { minLength: 12, maxLength: 80 }),
        fc.nat(50),
        (rows, hosts) => {
          const score = scoreBeacon({
            ...{
              timesMs: rows.map(([at]) => at),
              sentBytes: rows.map(([, sent]) => sent),
              fromMs: 0,
              toMs: 86_400_000,
            },
            ...{ callers: Math.min(1, hosts), hosts },
          })
          expect(score.total).toBeGreaterThanOrEqual(0)
          expect(score.total).toBeLessThanOrEqual(1.000001)
          for (const { value } of score.reasons) expect(value >= 0 && value <= 1).toBe(true)
          expect(score.histogram.reduce((sum, count) => sum + count, 0)).toBe(rows.length)
        },
      ),
    )
  })

  test('the order in which calls come changes nothing', () => {
    const rows = Array.from({ length: 30 }, (_, index) => ({ at: index * 60_000, sent: 300 + (index % 3) }))
    const ask = (list: typeof rows) =>
      scoreBeacon({
        timesMs: list.map(({ at }) => at),
        sentBytes: list.map(({ sent }) => sent),
        fromMs: 0,
        toMs: 1_800_000,
        callers: 1,
        hosts: 20,
      })
    expect(ask([...rows].reverse())).toEqual(ask(rows))
  })
})

describe('names', () => {
  test('iodine, really run, is found', async () => {
    const found = await findings(kept('dns-tunnel.fires.iodine.pcap'))
    expect(named(found)).toEqual(['Data in the names that are looked up'])
    expect(found[0]!.fields['dns.question.name']).toBe('example.org')
  })

  it.each([
    [
      'keys of a virus filter',
      (random: SeededRandom) => `${random.text(32, '0123456789abcdef')}.avqs.filter.example`,
      [127, 0, 0, 4],
    ],
    [
      'a content network',
      (random: SeededRandom) => `e${random.integer(1, 400)}.dsca.edge${random.integer(1, 9)}.content.example`,
      [198, 51, 100, 4],
    ],
    ['one name again and again', () => 'www.portal.gov.cn', [198, 51, 100, 5]],
  ] as const)('%s are not', async (_, name, answer) => {
    const random = new SeededRandom(7)
    const wire = new Wire()
    for (let index = 0; index < 200; index++) {
      lookUp(wire, { from: inside, server: '10.20.0.2', name: name(random), answer: Buffer.from(answer) })
      wire.wait(5_000)
    }
    expect(await findings(wire.bytes())).toEqual([])
  })
})

describe('pings', () => {
  test('a real ping is not', async () => {
    expect(await findings(kept('icmp-channel.silent.ping.pcap'))).toEqual([])
  })

  test('an exchange of data in pings is found', async () => {
    const random = new SeededRandom(8)
    const wire = new Wire()
    const data = () => Buffer.from(Array.from({ length: random.integer(60, 900) }, () => random.integer(0, 255)))
    for (let number = 0; number < 30; number++) {
      wire.echo(inside, outside, 'request', 77, number, data())
      wire.wait(20)
      wire.echo(outside, inside, 'reply', 77, number, data())
      wire.wait(900)
    }
    expect(named(await findings(wire.bytes()))).toEqual(['Pings that carry data'])
  })
})

test('memory is bounded: what gives way is counted, and what matters is still found', () => {
  const watch = createBehaviourWatch(analytics)
  const event = (index: number, destination: string) => ({
    ...{
      id: `e${index}`,
      timeMs: index * 100,
      receivedAtMs: 0,
      raw: new Uint8Array(0),
      sourceKey: 's',
      unitPath: '/1/',
    },
    fields: {
      'event.dataset': 'flow',
      'source.ip': inside,
      'destination.ip': destination,
      'destination.port': 443,
      'source.bytes': 300,
    },
  })
  for (let index = 0; index < 60_000; index++)
    watch.push([event(index, `203.${index >> 16}.${(index >> 8) & 255}.${index & 255}`)])
  expect(watch.counters().pairsEvicted).toBeGreaterThan(0)
  let found = 0
  for (let index = 0; index < 40; index++)
    found += watch.push([{ ...event(index, outside), timeMs: 6e6 + index * 300_000 }]).length
  expect(found).toBe(1)
})
