import { createSocket } from 'node:dgram'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createDetector } from '../../detect/detect.ts'
import { readRulePaths } from '../../detect/load.ts'
import { loadLookups } from '../../detect/sigma/logsource.ts'
import { compileRuleSet } from '../../detect/sigma/ruleset.ts'
import { severityRank } from '../../event/event.ts'
import { SeededRandom } from '../../lib/seeded-random.ts'
import { loadParsers } from '../../normalise/load.ts'
import { createNormaliser } from '../../normalise/normalise.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { breakIn, spread } from './intrusion.ts'
import type { DemoRecord } from './lines.ts'
import { historySlot, pastAttacks, startDemo } from './play.ts'

const noonMs = Date.UTC(2026, 10, 23, 4)

it('gives the same records for the same time, more by day than by night', () => {
  const day = historySlot(noonMs, noonMs + 600_000)
  expect(historySlot(noonMs, noonMs + 600_000)).toEqual(day)
  expect(day.length).toBeGreaterThan(300)
  expect(historySlot(noonMs + 43_200_000, noonMs + 43_800_000).length).toBeLessThan(day.length / 2)
  for (const record of day) {
    expect(record.text).not.toMatch(/\n|undefined|NaN/)
    expect(record.atMs).toBeGreaterThan(noonMs - 5_000)
    if (record.way === 'http' || record.way === 'bulk') JSON.parse(record.text)
  }
})

it('tells the intrusion in order, within its time', () => {
  const past = breakIn(noonMs)
  const live = spread(noonMs)
  for (const records of [past, live]) {
    expect(records.map((record) => record.atMs)).toEqual(records.map((record) => record.atMs).sort((a, b) => a - b))
  }
  expect(past.at(-1)!.atMs - noonMs).toBeLessThanOrEqual(36 * 60_000)
  expect(live.at(-1)!.atMs - noonMs).toBeLessThanOrEqual(52_000)
  expect(new Set([...past, ...live].map((record) => record.way))).toEqual(
    new Set(['syslog-udp', 'syslog-tcp', 'http', 'bulk']),
  )
  expect(pastAttacks(noonMs).every((record) => record.atMs < noonMs)).toBe(true)
})

it('is understood by the shipped parsers; the intrusion fires many rules, ordinary work none', () => {
  const content = join(import.meta.dirname, '../../../../content')
  const normaliser = createNormaliser(loadParsers([content]).parsers, { zone: 'America/New_York' })
  const ruleSet = compileRuleSet(readRulePaths([join(content, 'rules')]))
  const detector = createDetector(ruleSet, { lookups: loadLookups(content) })
  const detect = (records: DemoRecord[]) => {
    const placed = records.map(({ way, source, text, atMs }, offset) => {
      const sender = { sender: '127.0.0.1', source: way.startsWith('syslog') ? '' : source }
      return {
        record: { ...sender, receivedAtMs: atMs, transport: way, body: Buffer.from(text) },
        partition: 0,
        offset,
      }
    })
    const { events } = normaliser.normalise(placed)
    for (const event of events) {
      expect(event.fields['event.dataset']).not.toBe('unparsed')
      expect(Math.abs(event.timeMs - event.receivedAtMs)).toBeLessThan(5_000)
    }
    const alarms = detector.detect(events).filter(({ severity }) => severityRank[severity] >= severityRank.medium)
    return new Set(alarms.map(({ ruleTitle }) => ruleTitle))
  }
  expect([
    ...detect(
      Array.from({ length: 6 }, (_, hour) =>
        historySlot(noonMs + hour * 3_600_000, noonMs + hour * 3_600_000 + 600_000),
      ).flat(),
    ),
  ]).toEqual([])
  expect(detect([...breakIn(noonMs), ...spread(noonMs + 3_600_000)]).size).toBeGreaterThanOrEqual(15)
})

it('spreads its random numbers evenly', () => {
  const random = new SeededRandom(1)
  const counts = Array.from({ length: 10 }, () => 0)
  for (let index = 0; index < 10_000; index++) counts[random.integer(0, 9)]!++
  for (const count of counts) expect(count).toBeGreaterThan(850)
  expect(() => random.pick([])).toThrow(RangeError)
})

it('plays through real sockets and waits when it is told to', async () => {
  const seen = {
    udp: 0,
    tcp: 0,
    bulk: 0,
    sources: new Set<string>(),
    keys: new Set<string>(),
    keyless: [] as string[],
    units: 0,
    refused: 0,
  }
  const tcp = createServer((socket) => socket.on('data', () => seen.tcp++))
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve))
  const { port } = tcp.address() as AddressInfo
  const udp = createSocket('udp4', () => seen.udp++)
  await new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve))
  const http = createHttpServer((request, response) => {
    const path = request.url ?? ''
    request.resume().on('end', () => {
      if (request.headers.authorization !== 'Bearer secret-token') return response.writeHead(401).end()
      if (path.startsWith('/api/v1/ingest/') && seen.refused++ < 2)
        return response.writeHead(429, { 'retry-after': '0' }).end()
      if (path.startsWith('/api/v1/ingest/')) {
        seen.sources.add(path.slice('/api/v1/ingest/'.length))
        const key = request.headers['idempotency-key']
        if (key) seen.keys.add(`${path} ${key}`)
        else if (path.endsWith('-archive')) seen.keyless.push(path)
      } else if (path === '/_bulk') seen.bulk++
      else if (path === '/api/v1/units' && request.method === 'POST') return response.end(`{"id":${10 + seen.units++}}`)
      else if (path.startsWith('/api/v1/sources'))
        return response.end('{"items":[{"id":"s","key":"http:backup-server"}]}')
      response.end(path.startsWith('/api/v1/units') ? '{"items":[{"id":1,"code":null}]}' : '{"items":[],"total":0}')
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const stop = new AbortController()
  const reports: unknown[] = []
  const playing = startDemo({
    syslogPort: port,
    httpUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}/`,
    token: 'secret-token',
    receiverOrigin: 'http://127.0.0.1:9',
    clock: systemClock,
    signal: stop.signal,
    onHistory: (report) => reports.push(report),
  })
  for (let turn = 0; turn < 800 && !(seen.udp > 0 && seen.tcp > 0 && seen.bulk > 0); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  stop.abort()
  await playing
  expect(reports).toEqual([
    { historyRecords: expect.any(Number), refusedRequests: 0, cityProblem: undefined, dutyProblem: undefined },
  ])
  expect([...seen.sources].sort()).toEqual([
    'backup-server',
    'border-firewall-archive',
    'border-zeek',
    'door-control',
    'linux-hosts-archive',
    'portal-web-archive',
  ])
  expect(seen.keys.size).toBeGreaterThan(500)
  // Of the past only the slot that is not over has no key: a second start repeats nothing else, attacks included.
  expect(new Set(seen.keyless).size).toBe(seen.keyless.length)
  expect(seen.units).toBe(4)
  expect(seen.udp).toBeGreaterThan(0)
  tcp.close()
  udp.close()
  http.closeAllConnections()
  http.close()
}, 120_000)
