import { asc, eq } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { shippedContentDir } from '../../config/content-dir.ts'
import type { CanaryMark } from '../../event/canary.ts'
import { loadParsers } from '../../normalise/load.ts'
import { createNormaliser } from '../../normalise/normalise.ts'
import { canaries } from '../../seams/store/schema/canaries.ts'
import { sources } from '../../seams/store/schema/sources.ts'
import { testRule, testSource } from '../../state/canaries/request.ts'
import { openTestStore, type TestStore } from '../../state/store-for-tests.ts'
import { ensureRootUnit } from '../../state/units/ensure-root.ts'
import { type CanariesOptions, type CanaryInput, canaryDeadlineMs, createCanaries } from './canaries.ts'
import { loadCanarySamples } from './canary-samples.ts'

const samples = loadCanarySamples([shippedContentDir()])
const minuteMs = 60_000

let store: TestStore
let sent: { input: CanaryInput; mark: CanaryMark; lines: readonly string[] }[]
let alarms: string[]
let world: { stored: boolean; searchable: boolean }

beforeAll(async () => {
  store = await openTestStore()
  await ensureRootUnit(store.database, store.clock)
}, 60_000)
afterAll(() => store.close())
beforeEach(async () => {
  await store.database.delete(canaries)
  await store.database.delete(sources)
  sent = []
  alarms = []
  world = { stored: true, searchable: true }
  const at = new Date(store.clock.now() - 20 * minuteMs)
  await store.database.insert(sources).values({
    ...{
      id: 'web',
      key: 'syslog:10.0.0.1',
      name: 'web',
      transport: 'syslog-udp',
      parser: 'nginx',
      unitId: 1,
      unitPath: '/1/',
    },
    ...{ firstSeenAt: at, lastSeenAt: at },
  })
})

function start(more: Partial<CanariesOptions> = {}) {
  return createCanaries({
    ...{ database: store.database, clock: store.clock, samples, switchedOff: async () => new Set() },
    schedule: async () => ({ everyMs: 60 * minuteMs, except: [] as string[] }),
    send: async (input, mark, lines) => void sent.push({ input, mark, lines }),
    isStored: async () => world.stored,
    isSearchable: async () => world.searchable,
    alarm: async ({ lostAt }) => void alarms.push(String(lostAt)),
    logger: { warn() {} },
    onChange() {},
    ...more,
  })
}

const all = () => store.database.select().from(canaries).orderBy(asc(canaries.requestedAt), asc(canaries.id))

/** The threads pass the canary that was sent last, up to the named hop. */
function pass(one: ReturnType<typeof start>, hops: ('parsed' | 'detected' | 'correlated')[], ruleIds: string[]) {
  const { id } = sent.at(-1)!.mark
  for (const hop of hops) one.hear({ id, hop, atMs: store.clock.now(), ruleIds, eventId: 'e', understood: true })
}

const nginx = samples.forParser('nginx', 0, new Set())!
const everyHop = ['parsed', 'detected', 'correlated'] as const

describe('canaries', () => {
  it('walk the way of each source in use once an hour, and arrive', async () => {
    const one = start()
    await one.tick()
    await one.tick()
    expect(sent).toHaveLength(1)
    expect(sent[0]).toMatchObject({ input: 'syslog-udp', mark: { parser: '' } })
    const [canary] = await all()
    pass(one, [...everyHop], [canary!.ruleId!])
    await one.poll()
    expect(await all()).toMatchObject([{ state: 'arrived', lostAt: null, parser: 'nginx', sourceId: 'web' }])
    store.clock.advance(61 * minuteMs)
    await one.tick()
    expect(sent).toHaveLength(2)
    expect(alarms).toEqual([])
  })

  it.each([
    ['parsed', []],
    ['detected', ['parsed']],
    ['correlated', ['parsed', 'detected']],
    ['stored', [...everyHop]],
  ] as const)('tell that they were lost at %s, and alarm once', async (hop, passed) => {
    world.stored = false
    const one = start()
    for (const round of [1, 2]) {
      await one.tick()
      const running = (await all()).find(({ state }) => state === 'running')
      pass(one, [...passed], [running!.ruleId!])
      await one.poll()
      store.clock.advance(canaryDeadlineMs)
      await one.poll()
      expect((await all()).filter(({ state, lostAt }) => state === 'lost' && lostAt === hop)).toHaveLength(round)
      store.clock.advance(60 * minuteMs)
    }
    expect(alarms).toEqual([hop])
  })

  it('are lost at once where the input does not take them, and a failing store is waited for until the deadline', async () => {
    const one = start({
      send: async () => {
        throw new Error('connection refused')
      },
    })
    await one.tick()
    expect(await all()).toMatchObject([{ state: 'lost', lostAt: 'sent', detail: 'connection refused' }])
    const two = start({
      isStored: async () => {
        throw new Error('The event store does not answer')
      },
    })
    await testSource(store.system, 'web')
    await two.tick()
    pass(two, [...everyHop], nginx.ruleIds)
    await two.poll()
    expect((await all()).at(-1)).toMatchObject({ state: 'running' })
    store.clock.advance(canaryDeadlineMs)
    await two.poll()
    expect((await all()).at(-1)).toMatchObject({ state: 'lost', detail: 'The event store does not answer' })
  })

  it('that were on the way when the program ended are neither lost nor arrived', async () => {
    await start().tick()
    const again = start()
    await again.tick()
    expect((await all())[0]).toMatchObject({ state: 'interrupted' })
    expect(alarms).toEqual([])
  })

  it('of one rule carry its own sample, and one without a sample says so', async () => {
    const one = start({ schedule: async () => null })
    const ruleId = samples.forParser('linux-auth', 0, new Set())!.ruleIds[0]!
    await testRule(store.system, ruleId)
    await testRule(store.system, 'no-such-rule')
    await one.tick()
    expect(sent).toMatchObject([{ input: 'bus', lines: samples.forRule(ruleId)!.lines }])
    const [impossible] = await store.database.select().from(canaries).where(eq(canaries.ruleId, 'no-such-rule'))
    expect(impossible).toMatchObject({ state: 'impossible', detail: 'no_sample' })
  })

  it('do not count a detection of another rule as their own', async () => {
    const one = start()
    await one.tick()
    pass(one, ['parsed', 'detected'], ['another'])
    pass(one, ['correlated'], ['another'])
    await one.poll()
    store.clock.advance(canaryDeadlineMs)
    await one.poll()
    expect(await all()).toMatchObject([{ state: 'lost', lostAt: 'correlated' }])
  })
})

it('the samples of every parser are understood without being told which parser they are for', () => {
  const { parsers } = loadParsers([shippedContentDir()])
  const problems: string[] = []
  for (const { name } of parsers) {
    const seen = new Set<string>()
    for (let turn = 0; turn < 100; turn++) {
      const sample = samples.forParser(name, turn, new Set())
      if (!sample || seen.has(sample.ruleIds.join())) continue
      seen.add(sample.ruleIds.join())
      const placed = sample.lines.map((line, offset) => ({
        ...{ partition: 0, offset },
        record: { receivedAtMs: 1e12, transport: 'canary' as const, sender: '', source: 'c', body: Buffer.from(line) },
      }))
      const { events } = createNormaliser(parsers, { zone: 'UTC' }).normalise(placed)
      if (events.every(({ fields }) => fields['event.dataset'] === 'unparsed'))
        problems.push(`${name} ${sample.ruleIds.join()}`)
    }
  }
  expect(problems).toEqual([])
})
