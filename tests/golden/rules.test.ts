import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { shippedContentDir } from '../../server/src/config/content-dir.ts'
import { correlationLatenessMs, createCorrelationLanes } from '../../server/src/detect/correlation-lanes.ts'
import { createCorrelationStage } from '../../server/src/detect/correlations.ts'
import { createDetector } from '../../server/src/detect/detect.ts'
import { readRulePaths } from '../../server/src/detect/load.ts'
import { type RuleSample, readRuleFolders } from '../../server/src/detect/rule-folder.ts'
import { loadLookups } from '../../server/src/detect/sigma/logsource.ts'
import { compileRuleSet } from '../../server/src/detect/sigma/ruleset.ts'
import type { Event } from '../../server/src/event/event.ts'
import { loadParsers } from '../../server/src/normalise/load.ts'
import { createNormaliser } from '../../server/src/normalise/normalise.ts'

const contentDir = shippedContentDir()
const folders = readRuleFolders(contentDir)
const { parsers } = loadParsers([contentDir])
const lookups = loadLookups(contentDir)
const receivedAtMs = Date.parse('2026-11-23T04:00:00Z')

/** Every rule is proven on records in the format of their source: some on which it fires, some on which it stays silent. */
describe.each(folders.map((folder) => ({ path: folder.path, folder })))('rule $path', ({ folder }) => {
  const set = compileRuleSet(readRulePaths([folder.file]))
  const ruleIds = new Set(set.rules.map((rule) => rule.document.id))

  it('is accepted', () => {
    expect(set.refused).toEqual([])
    expect(ruleIds.size + set.correlations.length).toBeGreaterThan(0)
  })

  it('fires on its firing samples', () => {
    expect(folder.fires.length).toBeGreaterThan(0)
    for (const sample of folder.fires) expect(fired(sample), sample.parser).toBe(true)
  })

  it('stays silent on its silent samples', () => {
    expect(folder.silent.length).toBeGreaterThan(0)
    for (const sample of folder.silent) expect(fired(sample), sample.parser).toBe(false)
  })

  function fired(sample: RuleSample): boolean {
    const detector = createDetector(set, { lookups })
    const lanes = createCorrelationLanes(() => createCorrelationStage(set, { latenessMs: correlationLatenessMs }))
    return lanes.push(detector.detect(eventsOf(sample)), receivedAtMs).length > 0
  }
})

function eventsOf(sample: RuleSample): Event[] {
  const normaliser = createNormaliser(parsers, { zone: 'Asia/Shanghai' })
  const records = sample.lines.map((line, offset) => ({
    partition: 0,
    offset,
    record: { receivedAtMs, transport: 'file' as const, sender: 'sample', source: '', body: Buffer.from(line) },
  }))
  const { events } = normaliser.normalise(records, new Map([['file:sample', { parser: sample.parser }]]))
  const strays = events.filter((event) => event.fields['event.dataset'] === 'unparsed')
  if (strays.length > 0)
    throw new Error(`${sample.parser} does not understand ${Buffer.from(strays[0]!.raw).toString()}`)
  return events
}

it('has rules to prove', () => {
  expect(folders.length, fileURLToPath(import.meta.url)).toBeGreaterThanOrEqual(40)
})
