import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { shippedContentDir } from '../../server/src/config/content-dir.ts'
import { readRuleFolders } from '../../server/src/detect/rule-folder.ts'
import { captureScenarios } from '../../server/src/traffic/sample-capture.ts'
import { type Platform, startPlatform, until } from '../harness/platform.ts'
import { sendTcp, sendUdp } from '../harness/send.ts'
import { render } from './render.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
/** Rule id -> name, as the rule files have them. */
const ruleNames = new Map(
  readRuleFolders(shippedContentDir(), captureScenarios).flatMap(({ yaml }) =>
    parseAllDocuments(yaml).map((document) => {
      const { id, name } = document.toJS() as { id?: string; name: string }
      return [id ?? name, name] as const
    }),
  ),
)
const scenarios = readdirSync(here, { withFileTypes: true }).filter((entry) => entry.isDirectory())

interface Expected {
  /** Where several records make one event (audit records of one serial), the fewest events they become. */
  leastEvents?: number
  /** Query -> how many of the records it finds. */
  searches?: Record<string, number>
  incidents: ExpectedIncident[]
}

interface ExpectedIncident {
  rules: string[]
  entities: string[]
  severity: string
  tactics: string[]
}

interface IncidentRow {
  id: number | string
  severity: string
}

interface IncidentDetail extends IncidentRow {
  entities: { type: string; value: string }[]
  tactics: string[]
}

/**
 * Every folder beside this file is a scenario: input files named `NN.<transport>[-<source>].<ending>` go through the
 * platform's real inputs in order; afterwards exactly the incidents of expected.yml exist, no more and no fewer.
 */
describe.each(scenarios.map((entry) => entry.name))('scenario %s', (name) => {
  let platform: Platform

  beforeAll(async () => {
    platform = await startPlatform()
  }, 120_000)

  afterAll(async () => {
    await platform?.stop()
    platform?.remove()
  })

  it('ends in exactly the expected incidents', async () => {
    const folder = `${here}${name}/`
    const startMs = Date.now() - 3_600_000
    let records = 0
    for (const file of readdirSync(folder)
      .filter((entry) => /^\d/.test(entry))
      .sort()) {
      const text = render(readFileSync(folder + file, 'utf8'), startMs)
      const lines = text.split('\n').filter((line) => line !== '')
      records += lines.length
      await sendFile(platform, file, lines)
    }
    const {
      incidents: expected,
      leastEvents = records,
      searches = {},
    } = parse(readFileSync(`${folder}expected.yml`, 'utf8')) as Expected
    await until(
      async () => (await countEvents(platform)) >= leastEvents,
      60_000,
      () => `not all of ${records} records were stored`,
    )
    // The last detections come when they come; after that, nothing more may.
    const wanted = expected.map((incident) => [...incident.rules].sort())
    const rules = async () => (await found(platform)).map((incident) => incident.rules)
    await expect.poll(rules, { timeout: 60_000, interval: 500 }).toEqual(wanted)
    await settled(platform)
    const stored = await countEvents(platform)
    expect(stored).toBeGreaterThanOrEqual(leastEvents)
    expect(stored).toBeLessThanOrEqual(records)
    for (const [query, count] of Object.entries(searches)) expect(await countEvents(platform, query), query).toBe(count)

    const incidents = await found(platform)
    expect(incidents.map((incident) => incident.rules)).toEqual(wanted)
    for (const [index, incident] of expected.entries()) {
      expect(incidents[index]!.severity).toBe(incident.severity)
      expect(incidents[index]!.entities).toEqual(expect.arrayContaining(incident.entities))
      expect(incidents[index]!.tactics).toEqual(expect.arrayContaining(incident.tactics))
    }
  }, 180_000)
})

async function sendFile(platform: Platform, file: string, lines: string[]): Promise<void> {
  const [, transport, , source] = /^\d+\.(syslog-tcp|syslog-udp|http)(-([\w-]+))?\./.exec(file) ?? []
  if (transport === 'syslog-tcp') return sendTcp(platform.syslogPort, lines)
  if (transport === 'syslog-udp') return sendUdp(platform.syslogPort, lines)
  if (transport !== 'http' || !source) throw new Error(`${file} names no transport`)
  const answer = await platform.request('POST', `/api/v1/ingest/${source}`, lines.join('\n'), {
    'content-type': 'application/x-ndjson',
  })
  expect(answer.status).toBeLessThan(300)
}

async function countEvents(platform: Platform, query = ''): Promise<number> {
  const answer = await platform.request<{ total: number }>('POST', '/api/v1/search', {
    query,
    from: new Date(Date.now() - 7 * 86_400_000).toISOString(),
    to: new Date(Date.now() + 86_400_000).toISOString(),
    limit: 1,
  })
  expect(answer.status).toBe(200)
  return answer.body.total
}

async function listIncidents(platform: Platform): Promise<IncidentRow[]> {
  const answer = await platform.request<{ items: IncidentRow[] }>('GET', '/api/v1/incidents?limit=100')
  expect(answer.status).toBe(200)
  return answer.body.items
}

const found = async (platform: Platform) =>
  Promise.all((await listIncidents(platform)).map((row) => describeIncident(platform, row)))

/** Waits until two looks a second apart show the same detections: nothing is on its way any more. */
async function settled(platform: Platform): Promise<void> {
  let before = ''
  await until(
    async () => {
      const now = JSON.stringify((await platform.request('GET', '/api/v1/detections?limit=200')).body)
      const same = now === before
      before = now
      return same
    },
    20_000,
    () => 'detections did not settle',
    1_000,
  )
}

async function describeIncident(platform: Platform, row: IncidentRow) {
  const detail = (await platform.request<IncidentDetail>('GET', `/api/v1/incidents/${row.id}`)).body
  const detections = (
    await platform.request<{ items: { ruleId: string }[] }>('GET', `/api/v1/detections?incident=${row.id}&limit=200`)
  ).body.items
  return {
    rules: [...new Set(detections.map((detection) => ruleNames.get(detection.ruleId) ?? detection.ruleId))].sort(),
    severity: detail.severity,
    entities: detail.entities.map((entity) => `${entity.type} ${entity.value}`),
    tactics: detail.tactics,
  }
}
