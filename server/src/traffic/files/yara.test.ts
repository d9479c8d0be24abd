import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { noEndpoints } from '../record.ts'
import type { CarvedFile } from '../stream/files.ts'
import { openYara } from './yara.ts'

const content = join(import.meta.dirname, '../../../../content')
const folder = mkdtempSync(join(tmpdir(), 'watchfire-yara-'))
afterAll(() => rmSync(folder, { recursive: true }))

const carved = (bytes: Buffer): CarvedFile => ({
  ...{ content: bytes, endpoints: noEndpoints, timeUs: 0, protocol: 'http', sha256: '' },
})

test('every rule fires on its samples and stays silent on the others', () => {
  const inspect = openYara([content], (reason) => expect.fail(reason))!
  const rules = readdirSync(join(content, 'yara'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  expect(rules.length).toBeGreaterThanOrEqual(12)
  for (const { name } of rules) {
    const files = readdirSync(join(content, 'yara', name))
    const text = readFileSync(join(content, 'yara', name, 'rule.yar'), 'utf8')
    const rule = /^rule (\w+)/.exec(text)?.[1]
    for (const key of ['severity', 'description', 'description_zh', 'misses']) expect(text).toContain(`${key} = "`)
    for (const kind of ['fires', 'silent']) {
      const samples = files.filter((file) => file.startsWith(`${kind}.`))
      expect({ rule, kind, samples: samples.length > 0 }).toEqual({ rule, kind, samples: true })
      for (const file of samples) {
        const found = inspect(carved(readFileSync(join(content, 'yara', name, file))))['traffic.file.yara']
        const names = (found as string[] | undefined) ?? []
        expect({ file: `${name}/${file}`, fires: names.includes(rule!) }).toEqual({
          file: `${name}/${file}`,
          fires: kind === 'fires',
        })
      }
    }
  }
})

test('a folder without rules looks into nothing; a mistake in a rule is told with its file', () => {
  expect(openYara([folder], () => undefined)).toBeUndefined()
  mkdirSync(join(folder, 'yara', 'wrong'), { recursive: true })
  writeFileSync(join(folder, 'yara', 'wrong', 'rule.yar'), 'rule wrong { condition: $nothing }')
  expect(() => openYara([content, folder], () => undefined)).toThrowError(/wrong\/rule\.yar is no YARA rule/)
})
