import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shippedContentDir } from '../../config/content-dir.ts'
import { readPlainYaml } from './plain-yaml.ts'
import { readYaml } from './yaml.ts'

/** What stands in rules, and what nearly looks like it: pieces of lines, so that a few of them meet at every seam. */
const pieces = [
  'title', 'a b', 'A|contains|all', '- ', '-', ': ', ':', ' ', '  ', '    ', '\n', '\n', '\n  ', '\n    ', '\n- ', '\n  - ',
  '|', '|-', '|+', '>', '> ', "'", "''", '"', '\\', '#', ' # word', '[', ']', '{', '}', ',', '&x', '*x', '!t', '%', '@', '`',
  '?', '? ', '---', '\n---\n', '...', '~', 'null', 'True', 'no', '007', '-1', '1.5', '0x1F', '1e3', '.inf', '2024-01-02',
  '\t', '\r\n', '\u3000', '\u00a0', '\ufeff', '中文', '\u2028', '=', '<<', 'x\\y', '10.0.0.0/8', "it's", '%PATH%', '$(x)',
] // biome-ignore format: a table

const written = `# head
title: One of two
description: |
    First line
      # deeper

    last
tags:
    - attack.t1110
    - cve.2021.1
detection:
    selection:
        Image|endswith:
            - '\\cmd.exe'
            - "x y"
        EventID: 4625
        Empty:
    list:
    - a: 1
      b: 'it''s'
    -   c: |-
          text
    condition: selection and not 1 of filter_*   # why
---
title: second
level: high
`
/** A rule with a few pieces put in, or a little cut out. */
const edited = fc
  .array(fc.tuple(fc.nat(written.length), fc.constantFrom(...pieces), fc.constantFrom(0, 0, 1, 2, 9)), { maxLength: 4 })
  .map((edits) =>
    edits.reduce(
      (text, [at, piece, cut]) => text.slice(0, at) + (cut === 9 ? '' : piece) + text.slice(at + cut),
      written,
    ),
  )
const loose = fc.array(fc.constantFrom(...pieces), { maxLength: 14 }).map((parts) => parts.join(''))

describe('plain YAML', () => {
  it('is what the whole reader makes of it, or is left to that', () => {
    let read = 0
    fc.assert(
      fc.property(fc.oneof({ weight: 3, arbitrary: edited }, loose), fc.constantFrom('', '\n'), (text, end) => {
        const found = readPlainYaml(text + end)
        if (found === undefined) return
        read++
        expect(found).toEqual(readYaml(text + end))
      }),
      { numRuns: 4_000 },
    )
    expect(read).toBeGreaterThan(400)
  })

  it('is nearly everything that rules are written in', () => {
    const root = join(shippedContentDir(), 'rules')
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yml'))
    let plain = 0
    for (const name of files) {
      const text = readFileSync(join(root, name), 'utf8')
      const found = readPlainYaml(text)
      if (found === undefined) continue
      plain++
      expect(found, name).toEqual(readYaml(text))
    }
    expect(plain / files.length).toBeGreaterThan(0.8)
  })

  it.each([
    ['a text over two lines', 'a: one\n  two\n'],
    ['a key twice', 'a: 1\na: 2\n'],
    ['flow', 'a: {b: c}\n'],
    ['an alias', 'a: &x b\nc: *x\n'],
    ['a folded block', 'a: >\n  b\n'],
    ['a tab', 'a:\tb\n'],
    ['an escape', 'a: "b\\n"\n'],
    ['a map in a text', 'a: b: c\n'],
    ['a list as document', '- a\n'],
  ])('leaves %s to the whole reader', (_, text) => {
    expect(readPlainYaml(text)).toBeUndefined()
  })
})
