/** `serve --demo`: every page has something to show. Which page is empty is said by name. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Platform, startPlatform } from '../harness/platform.ts'

let platform: Platform

beforeAll(async () => {
  platform = await startPlatform({ arguments: ['--demo'] })
}, 240_000)
afterAll(async () => {
  await platform?.stop()
  platform?.remove()
})

interface Listed {
  items: Record<string, unknown>[]
  total: number
}

const list = async (path: string): Promise<Listed> => (await platform.request<Listed>('GET', `/api/v1${path}`)).body
const some =
  (path: string, fits: (item: Record<string, unknown>) => boolean = () => true) =>
  async () =>
    ((await list(path)).items ?? []).some(fits)

/** What each page needs -> whether it is there. */
const pages: Record<string, () => Promise<boolean>> = {
  overview: async () => JSON.stringify((await platform.request('GET', '/api/v1/overview')).body).length > 200,
  incidents: some('/incidents', ({ detectionCount }) => Number(detectionCount) > 1),
  detections: some('/detections'),
  search: async () => {
    const query = { query: '*', from: 'now-24h', to: 'now', limit: 10 }
    return ((await platform.request<Listed>('POST', '/api/v1/search', query)).body.items ?? []).length > 0
  },
  'saved searches': some('/saved-searches'),
  'rule drafts': some('/rules?stage=draft'),
  'rules on trial': some('/rules?stage=test'),
  'findings of a trial': some('/rules/0c0ffee0-0002-4000-8000-000000000002/findings'),
  'back-tests': some('/rule-jobs', ({ status }) => status === 'done'),
  'runs of analytics': some('/runs?kind=analytic', ({ state }) => state === 'done' || state === 'succeeded'),
  analytics: some('/analytics', ({ windows }) => (windows as unknown[]).length > 0),
  'canaries of sources': some('/canaries', ({ sourceId, state }) => sourceId !== null && state === 'arrived'),
  'canaries of rules': some('/canaries', ({ ruleId, state }) => ruleId !== null && state === 'arrived'),
  indicators: some('/indicators'),
  exceptions: some('/exceptions'),
  assets: some('/assets'),
  units: some('/units', ({ id }) => id !== 1),
  'notification channels': some('/notifications/channels', ({ lastDeliveredAt }) => lastDeliveredAt !== null),
  'deliveries that succeeded': some('/notifications/deliveries', ({ state }) => state === 'delivered'),
  'deliveries made again': some(
    '/notifications/deliveries',
    ({ state, attemptCount }) => state === 'delivered' && Number(attemptCount) > 1,
  ),
  sources: some('/sources', ({ recordCount }) => Number(recordCount) > 100),
  'silent sources': some('/sources?silent=true'),
  'unparsed records': async () => {
    const [source] = (await list('/sources?unparsed=true')).items
    return source !== undefined && (await list(`/sources/${source.id}/unparsed`)).items.length > 0
  },
  audit: some('/audit'),
  tokens: some('/tokens?all=true'),
  users: some('/users'),
  health: async () => (await platform.request('GET', '/api/v1/health')).status === 200,
}

it('fills every page', async () => {
  let empty = Object.keys(pages)
  // Most are filled within seconds; the machine of a test is busy, and silence takes its minute.
  await expect
    .poll(
      async () => {
        const filled = await Promise.all(empty.map((name) => pages[name]!()))
        empty = empty.filter((_name, index) => !filled[index])
        return empty
      },
      { timeout: 240_000, interval: 2_000 },
    )
    .toEqual([])
  expect(platform.output()).not.toMatch(/^ {2}demo: (units|the duty)/m)
}, 300_000)
