import { shippedContentDir } from '../../server/src/config/content-dir.ts'
import { createCorrelationStage } from '../../server/src/detect/correlations.ts'
import { createDetector } from '../../server/src/detect/detect.ts'
import { detectIntel } from '../../server/src/detect/intel/detect.ts'
import { readRulePaths } from '../../server/src/detect/load.ts'
import { loadLookups } from '../../server/src/detect/sigma/logsource.ts'
import { compileRuleSet } from '../../server/src/detect/sigma/ruleset.ts'
import { createEnricher } from '../../server/src/enrich/enrich.ts'
import { openPlaces } from '../../server/src/enrich/geo.ts'
import { decodeMatches, encodeMatches, isSilent } from '../../server/src/event/match.ts'
import { decodeRawRecord, encodeRawRecord, type Transport } from '../../server/src/event/raw-record.ts'
import { loadParsers } from '../../server/src/normalise/load.ts'
import { createNormaliser } from '../../server/src/normalise/normalise.ts'
import { BlockEncoder } from '../../server/src/seams/events/encoder.ts'
import { LinePool, ordinaryRecords } from './load-lines.ts'

const batchRecords = 2_000
const rounds = 60
/** The first rounds are for the compiler. */
const warmRounds = 20

/**
 * CPU microseconds an event of each stage of the process thread, alone in this process: the same code on the same mix in
 * batches of the same size. What the whole path needs beyond their sum are threads, sockets, the bus and its disk.
 */
export function measureStages(): Record<string, number> {
  const folder = shippedContentDir()
  const rules = compileRuleSet(readRulePaths([`${folder}/rules`]))
  const normaliser = createNormaliser(loadParsers([folder]).parsers, { zone: 'UTC' })
  const enricher = createEnricher({ assets: [], units: new Map(), sources: new Map(), indicators: [] }, openPlaces())
  const detector = createDetector(rules, { lookups: loadLookups(folder) })
  const correlations = createCorrelationStage(rules, { latenessMs: 5 * 60_000 })
  const encoder = new BlockEncoder(() => 190)
  const spent = new Map<string, number>()
  const timed = <Result>(stage: string, work: () => Result): Result => {
    const before = process.cpuUsage()
    const result = work()
    const { user, system } = process.cpuUsage(before)
    spent.set(stage, (spent.get(stage) ?? 0) + user + system)
    return result
  }
  let events = 0
  let matched = 0
  const { records } = ordinaryRecords(1, batchRecords)
  const pool = new LinePool(records.map(({ text }) => text))
  const startMs = Math.floor(Date.now() / 1_000) * 1_000
  for (let round = 0; round < rounds; round++) {
    if (round === warmRounds) {
      spent.clear()
      events = 0
      matched = 0
    }
    const receivedAtMs = startMs + round * 1_000
    const { bytes, ends } = pool.render(receivedAtMs)
    const first = round * batchRecords
    const raw = timed('take in', () =>
      ends.map((end, index) => {
        const http = records[index]!.way === 'http' || records[index]!.way === 'bulk'
        const transport: Transport = http ? 'http' : 'syslog-tcp'
        const body = bytes.subarray(index === 0 ? 0 : ends[index - 1]!, end - 1)
        const source = http ? 'load' : ''
        return encodeRawRecord({ receivedAtMs, transport, sender: '127.0.0.1', source, body })
      }),
    )
    const placed = timed('decode', () =>
      raw.map((record, index) => ({ record: decodeRawRecord(record), partition: 0, offset: first + index })),
    )
    const batch = timed('normalise', () => normaliser.normalise(placed).events)
    timed('enrich', () => enricher.enrich(batch))
    const matches = timed('detect', () => [...detector.match(batch), ...detectIntel(batch)])
    const published = timed('encode matches', () =>
      matches.map((match, index) => encodeMatches({ partition: 0, offset: first + index, matches: [match] })),
    )
    timed('correlate', () => {
      for (const record of published) correlations.push(decodeMatches(record).matches)
    })
    timed('encode block', () => {
      if (round % 25 === 0) encoder.reset()
      encoder.add(batch)
    })
    events += batch.length
    for (const match of matches) matched += isSilent(match) ? match.rules.length : 1
  }
  const costs = [...spent].map(([stage, us]) => [stage, Number((us / events).toFixed(1))] as const)
  return { ...Object.fromEntries(costs), 'matches an event': Number((matched / events).toFixed(2)) }
}
