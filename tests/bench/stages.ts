import { loadavg } from 'node:os'
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

export const name = 'stages'

const threadOf: Record<string, string> = {
  'take in': 'main, collect',
  decode: 'process',
  normalise: 'process',
  enrich: 'process',
  detect: 'process',
  'encode matches': 'process',
  correlate: 'correlate',
  'encode block': 'process',
}

const batchRecords = 500
const rounds = 240
/** The first rounds are for the compiler. */
const warmRounds = 80

/**
 * CPU microseconds an event of each stage, alone in this process: the same code on the same mix in batches of the same
 * size, with all rules. What the whole path needs beyond their sum are sockets, the bus, its disk and the collector of garbage.
 */
export async function run(): Promise<Record<string, number | string>[]> {
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
    const found = timed('detect', () => [...detector.match(batch), ...detectIntel(batch)])
    const published = timed('encode matches', () =>
      found.map(({ matches }, index) => encodeMatches({ partition: 0, offset: first + index, matches })),
    )
    timed('correlate', () => {
      for (const record of published) correlations.push(decodeMatches(record).matches)
    })
    timed('encode block', () => {
      if (round % 100 === 0) encoder.reset()
      encoder.add(batch)
    })
    events += batch.length
    for (const match of found.flatMap(({ matches }) => matches)) matched += isSilent(match) ? match.rules.length : 1
  }
  const load = Number((loadavg()[0] ?? 0).toFixed(1))
  const rows = [...spent].map(([stage, us]) => ({ stage, thread: threadOf[stage]!, us: us / events }))
  const total = rows.reduce((sum, { us }) => sum + us, 0)
  return [...rows, { stage: 'all', thread: '', us: total }].map(({ stage, thread, us }) => ({
    stage,
    thread,
    microsecondsPerEvent: Number(us.toFixed(1)),
    share: `${Math.round((100 * us) / total)} %`,
    ...(stage === 'detect'
      ? { matchesPerEvent: Number((matched / events).toFixed(2)), rules: rules.rules.length }
      : {}),
    load,
  }))
}
