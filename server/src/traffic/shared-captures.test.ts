import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { captureBytes, captureRecords } from './read-capture.ts'

const folder = join(import.meta.dirname, '../../../../shared/data/pcap')
const index = join(folder, 'index.tsv')
const isShared = existsSync(index)
const tshark = ['/usr/bin/tshark', '/usr/local/bin/tshark'].find(existsSync)

/** Every so manyth capture is read, and every so manyth of those is held against the judge, which starts slowly. */
const readEvery = 5
const judgeEvery = 40
let unpacked = ''
let paths: string[] = []

beforeAll(() => {
  if (!isShared) return
  unpacked = mkdtempSync(join(tmpdir(), 'watchfire-captures-'))
  const rows = readFileSync(index, 'utf8').trim().split('\n').slice(1)
  const wanted = rows.map((row) => row.split('\t')).filter((_, number) => number % readEvery === 0)
  for (const archive of new Set(wanted.map(([name]) => name!))) {
    const names = wanted.filter(([name]) => name === archive).map(([, path]) => path!)
    const result = spawnSync('tar', ['xzf', join(folder, archive), '-C', unpacked, ...names], { encoding: 'utf8' })
    if (result.status !== 0) throw new Error(result.stderr)
  }
  paths = wanted.map(([, path]) => path!)
}, 120_000)
afterAll(() => {
  if (unpacked !== '') rmSync(unpacked, { recursive: true })
})

test.skipIf(!isShared)(
  'captures of the shared data are read without a failure of any dissector',
  { timeout: 120_000 },
  async () => {
    let records = 0
    for (const path of paths) {
      const failures: unknown[] = []
      const source = captureRecords(
        captureBytes(join(unpacked, path)),
        () => undefined,
        (error) => failures.push(error),
      )
      for await (const _ of source) records++
      expect({ path, failures }).toEqual({ path, failures: [] })
    }
    expect(records).toBeGreaterThan(1_000)
  },
)

test.skipIf(!isShared || !tshark)(
  'names asked for, hellos of TLS and their fingerprints in captures of the shared data are those tshark finds',
  { timeout: 180_000 },
  async () => {
    const different: string[] = []
    const judged = paths.filter((_, number) => number % (judgeEvery / readEvery) === 0)
    for (const path of judged) {
      const mine = { queries: [] as string[], ja3: [] as string[] }
      for await (const { dataset, fields } of captureRecords(captureBytes(join(unpacked, path)), () => undefined)) {
        if (dataset === 'dns' && fields['dns.type'] === 'query')
          mine.queries.push(String(fields['dns.question.name']).toLowerCase())
        if (dataset === 'tls' && fields['tls.client.ja3'] !== undefined) mine.ja3.push(String(fields['tls.client.ja3']))
      }
      const theirs = judge(join(unpacked, path))
      const same = (one: string[], two: string[]) => one.sort().join() === two.sort().join()
      if (!same(mine.queries, theirs.queries) || !same(mine.ja3, theirs.ja3)) different.push(path)
    }
    // Known differences of the whole collection: DNS over HTTP/2, messages quoted in ICMP errors, hellos in cut packets.
    expect(different.length).toBeLessThanOrEqual(judged.length * 0.1)
  },
)

function judge(path: string): { queries: string[]; ja3: string[] } {
  const fields = ['dns.flags.response', 'dns.qry.name', 'tls.handshake.ja3'].flatMap((name) => ['-e', name])
  const result = spawnSync(tshark!, ['-n', '-r', path, '-Y', 'dns or tls or dtls or quic', '-T', 'fields', ...fields], {
    encoding: 'utf8',
    maxBuffer: 1e8,
  })
  const rows = result.stdout.split('\n').map((line) => line.split('\t'))
  return {
    queries: rows.flatMap(([response, name]) =>
      response === '0' || response === 'False' ? [(name ?? '').toLowerCase().replace('<root>', '.')] : [],
    ),
    ja3: rows.flatMap(([, , ja3]) => (ja3 ? ja3.split(',') : [])),
  }
}
