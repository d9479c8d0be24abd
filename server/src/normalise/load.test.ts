import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { shippedContentDir } from '../config/content-dir.ts'
import { compileParserText, loadParsers, type RefusedFile } from './load.ts'
import { createNormaliser } from './normalise.ts'

const head = 'name: test\ntitle: { zh: 测试, en: Test }\nformat: json\ndataset: test\n'

function refusal(text: string): RefusedFile {
  const refused: RefusedFile[] = []
  expect(compileParserText(text, 'parser.yml', new Map(), refused)).toBeUndefined()
  expect(refused).toHaveLength(1)
  return refused[0]!
}

describe('parser files', () => {
  it.each([
    [
      'an unknown field',
      `${head}map:\n  a: source.ip\n  b: source.ipp\n`,
      7,
      /source\.ipp is not in the field catalogue; did you mean source\.ip/,
    ],
    ['a field that stands beside the fields', `${head}set:\n  event.id: x\n`, 6, /event\.id is not set by parsers/],
    ['an unknown key', `${head}mapp: {}\n`, 1, /mapp/],
    ['broken YAML', `${head}map: {a: [}\n`, 5, /./],
    [
      'a pattern that is no expression',
      `${head}steps:\n  - patterns:\n      - pattern: 'a(b'\n`,
      7,
      /no regular expression/,
    ],
    [
      'an unknown capture type',
      `${head}steps:\n  - patterns:\n      - pattern: '%{NOPE:user.name}'\n`,
      7,
      /names none of WORD/,
    ],
    ['an exponential pattern', `${head}steps:\n  - patterns:\n      - pattern: '(?:a+)+$'\n`, 7, /repetition/],
    [
      'an unknown table',
      `${head}steps:\n  - lookup: a\n    table: nowhere\n    to: event.action\n`,
      7,
      /no lookup table nowhere/,
    ],
    ['an unknown function', `${head}steps:\n  - apply: nothing\n`, 6, /no function nothing/],
    ['an unknown filter', `${head}set: { event.action: '{a|shout}' }\n`, 5, /no filter shout/],
    ['text in a number', `${head}set: { event.severity: high }\n`, 5, /holds a number/],
    ['a prefix of no vendor', `${head}keep: mine\n`, 5, /vendor prefixes/],
    ['a step of two kinds', `${head}steps:\n  - set: { event.action: x }\n    tag: y\n`, 6, /./],
  ])('refuses %s, with the line', (_, text, line, reason) => {
    const found = refusal(text)
    expect(found.reason).toMatch(reason)
    expect(found.line).toBe(line)
  })

  const folder = mkdtempSync(join(tmpdir(), 'watchfire-parsers-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  it('a bad file stops no other, and an own folder replaces and adds parsers', () => {
    for (const name of ['bad', 'own', 'nginx']) mkdirSync(join(folder, 'sources', name), { recursive: true })
    writeFileSync(join(folder, 'sources/bad/parser.yml'), 'name: [')
    writeFileSync(join(folder, 'sources/notes.txt'), 'a file beside the folders')
    writeFileSync(
      join(folder, 'sources/own/parser.yml'),
      `name: own-app
title: { zh: 自有应用, en: Own app }
format: text
confidence: 80
recognise: [{ starts: 'OWN ' }]
dataset: json
steps:
  - patterns:
      - pattern: 'OWN %{WORD:~who} %{IP:source.ip} %{INT:~code} %{WORD:~state}'
        set: { event.action: 'own_{who|lower}' }
    required: true
  - lookup: code
    table: { '1': { event.outcome: success }, '2': { event.outcome: failure } }
  - when: { state: [bad, worse] }
    steps: [{ tag: alarming }]
    else: [{ set: { event.reason: fine } }]
  - switch: who
    cases: { 'A, B': [{ set: { user.name: '{who}' } }] }
    default: [{ set: { user.name: nobody } }]
`,
    )
    const before = loadParsers([shippedContentDir()])
    const { parsers, refused } = loadParsers([shippedContentDir(), folder])
    expect(refused.map(({ file }) => file)).toEqual([join(folder, 'sources/bad/parser.yml')])
    expect(parsers.length).toBe(before.parsers.length + 1)
    const { events } = createNormaliser(parsers, { zone: 'UTC' }).normalise(
      ['OWN A 192.0.2.7 1 good', 'OWN C 192.0.2.8 2 worse', 'OWN broken'].map((body, offset) => ({
        partition: 0,
        offset,
        record: {
          receivedAtMs: Date.UTC(2026, 2, 2),
          transport: 'http',
          sender: 't',
          source: 'own',
          body: Buffer.from(body),
        },
      })),
    )
    expect(events[0]!.fields).toMatchObject({
      'event.action': 'own_a',
      'source.ip': '192.0.2.7',
      'event.outcome': 'success',
      'user.name': 'A',
      'event.reason': 'fine',
    })
    expect(events[1]!.fields).toMatchObject({ 'event.outcome': 'failure', 'user.name': 'nobody', tags: ['alarming'] })
    expect(events[2]!.fields).toMatchObject({
      'event.dataset': 'unparsed',
      'error.message': 'own-app: no pattern matches',
    })
  })

  it('tells which field a name of the source goes to', () => {
    const { parsers } = loadParsers([shippedContentDir()])
    expect(parsers.find(({ name }) => name === 'zeek')!.aliases.get('id.orig_h')).toBe('source.ip')
  })
})
