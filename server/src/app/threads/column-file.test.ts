import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterAll, expect, test } from 'vitest'
import { shippedContentDir } from '../../config/content-dir.ts'
import { loadParsers } from '../../normalise/load.ts'
import { createNormaliser } from '../../normalise/normalise.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { openColumnFile } from './column-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'watchfire-columns-'))
const around = { clock: systemClock, logger: pino({ level: 'silent' }) }
const { parsers } = loadParsers([shippedContentDir()])
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const header = [
  '#separator \\x09',
  '#path\tdns',
  '#fields\tts\tuid\tquery\ttrans_id',
  '#types\ttime\tstring\tstring\tcount',
]
const row = '1772416560.101\tC1\twww.example.gov.cn\t7'

function normalise(columns: ReturnType<ReturnType<typeof openColumnFile>['columns']>, lines: string[]) {
  return createNormaliser(parsers, { zone: 'UTC', columns }).normalise(
    lines.map((line, offset) => ({
      partition: 1,
      offset,
      record: {
        receivedAtMs: 1_772_416_561_000,
        transport: 'syslog-tcp',
        sender: '192.0.2.7',
        source: '',
        body: Buffer.from(line),
      },
    })),
  )
}

test('rows that come after a restart have the columns of the header before it', () => {
  const path = join(folder, 'columns-0.json')
  const before = openColumnFile(path, around)
  const { columns } = normalise(before.columns(), [...header, row])
  before.add(columns)
  before.save()

  const { events } = normalise(openColumnFile(path, around).columns(), [row])
  expect(events[0]!.fields).toMatchObject({ 'event.dataset': 'zeek.dns', 'dns.question.name': 'www.example.gov.cn' })
  expect(normalise(new Map(), [row]).events[0]!.fields['event.dataset']).toBe('unparsed')
})

test('a bounded number of senders is kept, the last ones', () => {
  const path = join(folder, 'columns-1.json')
  const file = openColumnFile(path, around)
  const columns = normalise(new Map(), header).columns.values().next().value!
  for (let index = 0; index < 700; index++) file.add(new Map([[`sender-${index}`, columns]]))
  file.add(new Map([['huge', { ...columns, names: ['x'.repeat(1 << 20)] }]]))
  file.save()
  const kept = [...openColumnFile(path, around).columns().keys()]
  expect([kept.length, kept[0], kept.at(-1)]).toEqual([500, 'sender-200', 'sender-699'])
})

test('a folder that takes nothing holds nothing up, and is tried again', () => {
  const closed = mkdtempSync(join(folder, 'closed-'))
  const path = join(closed, 'columns.json')
  const file = openColumnFile(path, around)
  // A file in the place of the folder refuses everybody, root too.
  rmSync(closed, { recursive: true })
  writeFileSync(closed, '')
  file.add(normalise(new Map(), header).columns)
  file.save()
  rmSync(closed)
  mkdirSync(closed)
  file.save()
  expect(openColumnFile(path, around).columns().size).toBe(1)
})
