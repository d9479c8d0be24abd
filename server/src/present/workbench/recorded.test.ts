import { setTimeout as pause } from 'node:timers/promises'
import { desc } from 'drizzle-orm'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CodedError } from '../../event/errors.ts'
import { runs } from '../../seams/store/schema/runs.ts'
import { systemActor } from '../../state/actor.ts'
import { cancelRuleJob } from '../../state/rule-jobs/cancel.ts'
import { endInterruptedJobs } from '../../state/rule-jobs/end-interrupted.ts'
import { getRuleJob } from '../../state/rule-jobs/list.ts'
import { loseOpenRuns } from '../../state/runs/lose.ts'
import { openTestStore, person, type TestStore } from '../../state/store-for-tests.ts'
import { ensureRootUnit } from '../../state/units/ensure-root.ts'
import type { Dependencies } from '../dependencies.ts'
import { type JobTools, RuleJobs } from './jobs.ts'
import { recordedRun } from './recorded.ts'

let store: TestStore
beforeAll(async () => {
  store = await openTestStore()
  await ensureRootUnit(store.database, store.clock)
}, 60_000)
afterAll(() => store.close())

const facts = { subjectId: 'r', title: 'R', windowFrom: new Date(0), windowTo: new Date(86_400_000) }
const whose = () => store.as(person('security_manager', '/1/'))
const newJobs = () =>
  new RuleJobs({
    ...{ database: store.database, clock: store.clock, logger: pino({ level: 'silent' }) },
  } as unknown as Dependencies)

async function newest() {
  const [run] = await store.database.select().from(runs).orderBy(desc(runs.id)).limit(1)
  return run
}

/** A back-test that goes on until it is told to end. */
async function startEndless(jobs: RuleJobs) {
  const context = whose()
  let begun: () => void = () => {}
  const isBegun = new Promise<void>((resolve) => {
    begun = resolve
  })
  const work = ({ signal }: JobTools) =>
    recordedRun(context, facts, signal, async () => {
      begun()
      await pause(600_000, undefined, { signal })
      return { rowsRead: 0, matches: 0, result: {} }
    })
  const job = await jobs.start(context, { kind: 'back_test', ruleId: 'r', input: {} }, work)
  await isBegun
  return job
}

test('what a back-test read and found stands in the ledger', async () => {
  const { signal } = new AbortController()
  const work = async () => ({ rowsRead: 7, matches: 2, result: 'found' })
  expect(await recordedRun(whose(), facts, signal, work)).toBe('found')
  expect(await newest()).toMatchObject({ kind: 'backtest', subjectId: 'r', unitPath: '/1/', state: 'succeeded' })
  expect(await newest()).toMatchObject({ rowsRead: 7, matches: 2, errorCode: null, endedAt: expect.any(Date) })
})

test('one that fails is closed with its code', async () => {
  const { signal } = new AbortController()
  const work = () => Promise.reject(new CodedError('EVENTS_UNAVAILABLE', 'The event store is away'))
  await expect(recordedRun(whose(), facts, signal, work)).rejects.toThrow('away')
  expect(await newest()).toMatchObject({ state: 'failed', errorCode: 'EVENTS_UNAVAILABLE', endedAt: expect.any(Date) })
})

test('a running back-test that is cancelled ends at once, as a job and in the ledger', async () => {
  const jobs = newJobs()
  const { id } = await startEndless(jobs)
  expect(await newest()).toMatchObject({ state: 'running', endedAt: null })
  await cancelRuleJob(whose(), { id })
  jobs.abort(id)
  await jobs.close()
  expect(await getRuleJob(whose(), { id })).toMatchObject({ status: 'cancelled' })
  expect(await newest()).toMatchObject({ state: 'cancelled', errorCode: null, endedAt: expect.any(Date) })
})

test('one that the end of the program interrupts has failed for that', async () => {
  const jobs = newJobs()
  await startEndless(jobs)
  await jobs.close()
  expect(await newest()).toMatchObject({ state: 'failed', errorCode: 'STOPPING' })
})

test('one that was cut off with the program is marked at the next start', async () => {
  const jobs = newJobs()
  const { id } = await startEndless(jobs)
  await endInterruptedJobs(store.database, store.clock)
  const actor = systemActor('back-tests')
  await loseOpenRuns({ database: store.database, clock: store.clock, actor }, 'backtest')
  expect(await newest()).toMatchObject({ state: 'lost', endedAt: expect.any(Date) })
  expect(await getRuleJob(whose(), { id })).toMatchObject({ status: 'failed', problem: { code: 'STOPPING' } })
  await jobs.close()
  expect(await newest()).toMatchObject({ state: 'lost' })
})
