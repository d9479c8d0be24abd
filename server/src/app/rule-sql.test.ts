import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shippedContentDir } from '../config/content-dir.ts'
import { readRulePaths } from '../detect/load.ts'
import { readRuleFolders } from '../detect/rule-folder.ts'
import { loadLookups } from '../detect/sigma/logsource.ts'
import { compileRuleSet } from '../detect/sigma/ruleset.ts'
import { differences, hasEngine } from '../detect/sigma/sql-for-tests.ts'
import { loadParsers } from '../normalise/load.ts'
import { createNormaliser } from '../normalise/normalise.ts'
import { systemClock } from '../seams/clock/clock.ts'
import { type Events, openEvents } from '../seams/events/open.ts'
import { captureScenarios } from '../traffic/sample-capture.ts'

const contentDir = shippedContentDir()
const lookups = loadLookups(contentDir)

describe.skipIf(!hasEngine)('shipped rules as SQL over the event store', () => {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-rule-sql-'))
  let store: Events
  beforeAll(async () => {
    store = await openEvents(
      { events: 'embedded', dataDir: folder, retentionDays: 190 },
      { logger: pino({ level: 'silent' }), clock: systemClock },
    )
  }, 60_000)
  afterAll(async () => {
    await store?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('gives the same answer as the stream for every shipped rule on every shipped sample', async () => {
    const set = compileRuleSet(readRulePaths([join(contentDir, 'rules')]))
    const { parsers } = loadParsers([contentDir])
    const samples = readRuleFolders(contentDir, captureScenarios).flatMap(({ fires, silent }) => [...fires, ...silent])
    const list = samples.flatMap(({ parser, lines }) => {
      const placed = lines.map((line, offset) => ({
        partition: 0,
        offset,
        record: { receivedAtMs: Date.UTC(2026, 5, 1), transport: 'file' as const, sender: 's', source: '', body: Buffer.from(line) },
      })) // biome-ignore format: one record
      const pins = parser === 'any' ? undefined : new Map([['file:s', { parser }]])
      return createNormaliser(parsers, { zone: 'Asia/Shanghai' }).normalise(placed, pins).events
    })
    const events = list.map((event, index) => ({
      ...event,
      id: `shipped-${String(index).padStart(5, '0')}`,
      unitPath: '/1/',
    }))
    expect(set.rules.length).toBeGreaterThan(150)
    expect(events.length).toBeGreaterThan(500)
    expect(await differences(store, lookups, set, events, 'shipped-')).toEqual([])
  }, 300_000)
})
