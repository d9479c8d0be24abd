import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { shippedContentDir } from '../../server/src/config/content-dir.ts'
import { zipOf } from '../../server/src/present/workbench/zip-for-tests.ts'

const binary = fileURLToPath(new URL('../../server/bin/watchfire.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'detect-command-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (...parts: string[]) => join(folder, ...parts)
const sample = (...parts: string[]) => join(shippedContentDir(), 'sources', parts[0]!, 'samples', parts[1]!)

const rule = (id: string, level: string, logsource: string, detection: string) =>
  `title: ${id}\nid: ${id}\nlevel: ${level}\nlogsource: ${logsource}\ndetection: {s: ${detection}, condition: s}\n`
const rules = [
  rule('failed', 'low', '{product: linux, service: sshd}', "{'|all': ['Failed password']}").replace(
    "{s: {'|all': ['Failed password']}",
    "{s: ['Failed password']",
  ),
  rule('alert', 'high', '{product: suricata}', '{event_type: alert}'),
  'title: many\nid: many\nlevel: high\ncorrelation: {type: event_count, rules: [failed], group-by: [host.name], timespan: 1h, generate: true, condition: {gte: 5}}\n',
].join('---\n')
const refusedRule = 'title: bad\nid: bad\nlogsource: {product: linux}\ndetection: {s: {A: 1}, condition: t}\n'

interface Run {
  code: number | null
  out: string
  err: string
}

function detect(options: string[], stdin = ''): Promise<Run> {
  const child = spawn(process.execPath, [binary, 'detect', ...options], { cwd: folder })
  const run: Run = { code: null, out: '', err: '' }
  // A character may be cut in two by the end of a chunk: the stream puts it together, adding chunks up would not.
  child.stdout.setEncoding('utf8').on('data', (text) => {
    run.out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    run.err += text
  })
  child.stdin.end(stdin)
  return new Promise((resolve) => child.on('close', (code) => resolve({ ...run, code })))
}

const ids = (text: string) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line)['rule.id'] as string)
const sshdLine = (minute: number, host: string) =>
  `Mar  2 10:${String(minute).padStart(2, '0')}:00 ${host} sshd[7]: Failed password for root from 203.0.113.9 port 4000 ssh2\n`

beforeAll(() => {
  writeFileSync(at('rules.yml'), rules)
  mkdirSync(at('logs'))
  // Sizes that differ, the largest last, and one host in all: the correlation spans files.
  for (let index = 0; index < 6; index++) {
    const lines = Array.from({ length: 40 * (index + 1) }, (_, line) =>
      sshdLine((index * 7 + line) % 60, `h${line % 3}`),
    )
    writeFileSync(at('logs', `${index}.log`), lines.join(''))
  }
})

describe('watchfire detect', () => {
  test('gives the same bytes whatever the number of workers, in every form', async () => {
    for (const form of [['--output', 'ndjson'], ['--output', 'sarif'], ['--timeline']]) {
      const base = ['--rules', 'rules.yml', '--input', 'logs', sample('suricata-eve', 'eve.ndjson'), ...form]
      const [one, three] = [await detect([...base, '--workers', '1']), await detect([...base, '--workers', '3'])]
      expect(one.code).toBe(0)
      expect(one.out).toContain('many')
      expect(three).toEqual(one)
    }
  })

  test('of several files tells those that cannot be read and goes on, in threads too; a single one ends with 1', async () => {
    mkdirSync(at('mixed'))
    writeFileSync(at('mixed', 'a.log'), sshdLine(1, 'h'))
    writeFileSync(at('mixed', 'b.evtx'), Buffer.concat([Buffer.from('1f8b0800', 'hex'), Buffer.alloc(40, 7)]))
    writeFileSync(at('mixed', 'c.log'), sshdLine(2, 'h'))
    for (const workers of ['1', '2']) {
      const run = await detect(['--rules', 'rules.yml', '--input', 'mixed', '--workers', workers])
      expect(run.code).toBe(0)
      expect(ids(run.out)).toEqual(['failed', 'failed'])
      expect(run.err).toMatch(/^IMPORT_DAMAGED: b\.evtx.*\n1 of 3 files could not be read to their end\n$/)
    }
    const single = await detect(['--rules', 'rules.yml', '--input', 'mixed/b.evtx'])
    expect([single.code, single.out]).toEqual([1, ''])
    expect(single.err).toContain('IMPORT_DAMAGED')
    expect((await detect(['--rules', 'rules.yml', '--input', 'mixed', 'absent'])).err).toContain('NOT_FOUND')
  })

  test('takes rules from an archive as released, and counts what it refuses', async () => {
    const entries = [
      { path: 'sigma/rules/linux/a.yml', text: rules },
      { path: 'sigma/rules/linux/bad.yml', text: refusedRule },
      { path: 'sigma/LICENSE', text: 'no rule' },
    ]
    writeFileSync(at('release.zip'), zipOf(entries))
    const run = await detect(['--rules', 'release.zip', '--input', 'logs/0.log'])
    expect(ids(run.out).filter((id) => id === 'failed')).toHaveLength(40)
    expect(run.err).toMatch(/3 rules can be used, 1 are refused \(.+\); --verbose names each/)
    const verbose = await detect(['--rules', 'release.zip', '--input', 'logs/0.log', '--verbose'])
    expect(verbose.err).toMatch(/release\.zip\/sigma\/rules\/linux\/bad\.yml:\d+:\d+: refused/)
  })

  test('reads standard input, a forced format, and writes the whole of --output-file', async () => {
    const piped = await detect(
      ['--rules', 'rules.yml', '--input', '-', '--format', 'syslog', '--workers', '4'],
      sshdLine(1, 'h'),
    )
    expect(ids(piped.out)).toEqual(['failed'])
    expect(JSON.parse(piped.out)).toMatchObject({ file: '-', 'event.index': 0 })
    const filed = await detect(['--rules', 'rules.yml', '--input', 'logs', '--output-file', 'matches.ndjson'])
    expect([filed.code, filed.out]).toEqual([0, ''])
    const text = readFileSync(at('matches.ndjson'), 'utf8')
    expect(text.endsWith('\n')).toBe(true)
    expect(ids(text).filter((id) => id === 'failed')).toHaveLength(40 * 21)
    const high = await detect(['--rules', 'rules.yml', '--input', 'logs', '--min-level', 'high'])
    expect(new Set(ids(high.out))).toEqual(new Set(['many']))
    const unwritable = await detect(['--rules', 'rules.yml', '--input', 'logs', '--output-file', 'absent/x'])
    expect([unwritable.code, unwritable.err]).toEqual([1, expect.stringContaining('OUTPUT_UNWRITABLE')])
    const wrong = await detect(['--rules', 'rules.yml', '--input', 'logs', '--workers', '0'])
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('--workers')])
  })

  test('recognises what each source wrote and finds the rules of its log source', async () => {
    const everything = [
      rule('sensor', 'low', '{product: zeek}', '{id.resp_h|exists: true}'),
      rule('windows', 'low', '{product: windows}', '{EventID|exists: true}'),
    ].join('---\n')
    writeFileSync(at('all.yml'), everything)
    const wrote: [string, string, string][] = [
      ['zeek', 'tsv.log', 'sensor'],
      ['zeek', 'json.ndjson', 'sensor'],
      ['suricata-eve', 'eve.ndjson', 'alert'],
      ['windows-event', 'shippers.ndjson', 'windows'],
      ['windows-event', 'evtx-dump.ndjson', 'windows'],
      ['linux-auth', 'sshd.log', 'failed'],
    ]
    const files = wrote.map(([source, file]) => sample(source, file))
    const { out } = await detect(['--rules', 'all.yml', 'rules.yml', '--input', ...files])
    const matches = out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    for (const [index, [, , ruleId]] of wrote.entries())
      expect(matches.filter(({ file }) => file === files[index]).map((match) => match['rule.id'])).toContain(ruleId)
  })
})
