import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { zipOf } from '../present/workbench/zip-for-tests.ts'
import { readRules } from './offline-rules.ts'

const rule = 'title: r\nid: r\nlogsource: {product: test}\ndetection: {s: {A: one}, condition: s}\n'
const evidence = 'samples:\n  fires.x.log: [{ tool: x }]\n'

describe('rules read from files, folders and archives', () => {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-rules-'))
  beforeAll(() => {
    mkdirSync(join(folder, 'linux/one'), { recursive: true })
    writeFileSync(join(folder, 'linux/one/rule.yml'), rule)
    writeFileSync(join(folder, 'linux/one/evidence.yml'), evidence)
    writeFileSync(join(folder, 'notes.txt'), 'none')
    writeFileSync(
      join(folder, 'rules.zip'),
      zipOf([
        { path: 'rules/linux/one/rule.yml', text: rule },
        { path: 'rules/linux/one/evidence.yml', text: evidence },
        { path: 'evidence.yml', text: evidence },
      ]),
    )
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each([
    ['a folder', ['.']],
    ['an archive', ['rules.zip']],
    ['files as a shell lists them', ['linux/one/evidence.yml', 'linux/one/rule.yml']],
  ])('takes no evidence for a rule: %s', async (_, paths) => {
    const files = await readRules(paths.map((path) => join(folder, path)))
    expect(files.flatMap(({ documents }) => documents.map(({ id }) => id))).toEqual(['r'])
    expect(files.flatMap(({ refused }) => refused)).toEqual([])
  })
})
