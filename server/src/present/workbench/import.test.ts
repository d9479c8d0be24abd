import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listCollections } from '../../state/rules/list-collections.ts'
import { removeCollection } from '../../state/rules/remove-collection.ts'
import { saveRuleVersion } from '../../state/rules/save-version.ts'
import { openTestStore, person, type TestStore } from '../../state/store-for-tests.ts'
import { ensureRootUnit } from '../../state/units/ensure-root.ts'
import { createRuleBook, type OpenRuleBook } from '../rule-book.ts'
import { importRules } from './import.ts'
import type { JobTools } from './jobs.ts'
import { unzipRules } from './unzip.ts'
import { type ZipEntry, zipOf } from './zip-for-tests.ts'

const rule = (id: string, word = id) => `title: ${id}
id: ${id}
author: Somebody
logsource:
  product: acme
detection:
  selection:
    message: ${word}
  condition: selection
`

let store: TestStore
let book: OpenRuleBook
beforeAll(async () => {
  store = await openTestStore()
  await ensureRootUnit(store.database, store.clock)
  book = createRuleBook({ contentDir: undefined }, store.database)
}, 60_000)
afterAll(() => store.close())

const tools: JobTools = { signal: new AbortController().signal, progress: async () => undefined }
async function bring(
  entries: ZipEntry[],
  name = 'acme',
  stage: 'draft' | 'test' | 'live' = 'draft',
  signal = tools.signal,
  fileName = `${name}.zip`,
) {
  const context = store.as(person('security_manager', '/1/'))
  const input = { bytes: zipOf(entries), name, fileName, stage, seen: [{ product: 'acme' }] }
  return importRules(context, await book(), input, { ...tools, signal })
}

test('an archive becomes a collection; what is wrong, there already or cannot fire is told', async () => {
  const [shipped] = (await book()).shippedTexts.keys()
  const report = await bring([
    { path: 'LICENSE', text: 'DRL 1.1' },
    { path: 'rules/a.yml', text: rule('a') },
    { path: 'rules/b.yml', text: rule('b').replace('product: acme', 'product: other\n  category: process_creation') },
    { path: 'rules/same.yml', text: rule('a', 'again') },
    { path: 'rules/shipped.yml', text: rule(shipped!) },
    { path: 'rules/broken.yml', text: 'title: [' },
    { path: 'rules/wrong.yml', text: rule('wrong').replace('condition: selection', 'condition: nothing') },
    { path: 'rules/evidence.yml', text: 'samples: {}' },
    { path: 'readme.txt', text: 'no rule' },
  ])
  expect(report).toMatchObject({ loaded: 2, canFire: 1, addedCount: 2, licence: 'DRL 1.1', duplicateCount: 2 })
  expect(report.cannotFire).toEqual([{ logsource: 'other/process_creation', count: 1 }])
  expect(report.refused).toMatchObject([
    { path: 'rules/broken.yml', reason: 'yaml', line: 1 },
    { path: 'rules/wrong.yml', reason: 'identifier', line: 9 },
  ])
  const { rules, stored } = await book()
  expect(rules.get('a')).toMatchObject({ origin: 'import', stage: 'draft', author: 'Somebody' })
  expect(stored.get('a')!.rule).toMatchObject({ path: 'rules/a.yml', liveVersion: null })
})

test('an import in force runs; the same name renews it: added, changed, removed', async () => {
  const first = await bring(
    [
      { path: 'x.yml', text: rule('x') },
      { path: 'y.yml', text: rule('y') },
    ],
    'renewed',
    'live',
  )
  expect(first).toMatchObject({ addedCount: 2 })
  expect((await book()).library.set.rules.map(({ document }) => document.id)).toEqual(
    expect.arrayContaining(['x', 'y']),
  )
  const second = await bring(
    [
      { path: 'x.yml', text: rule('x', 'new') },
      { path: 'z.yml', text: rule('z') },
    ],
    'renewed',
  )
  expect(second).toMatchObject({ collectionId: first.collectionId, addedCount: 1, changed: ['x'], removed: ['y'] })
  const { stored, rules } = await book()
  expect(stored.get('x')!.rule).toMatchObject({ headVersion: 2, liveVersion: 2 })
  expect(rules.has('y')).toBe(false)
  const third = await bring(
    [
      { path: 'x.yml', text: rule('x', 'new') },
      { path: 'z.yml', text: rule('z') },
    ],
    'renewed',
  )
  expect(third).toMatchObject({ unchanged: 2, addedCount: 0, changedCount: 0, removedCount: 0 })
  const manager = store.as(person('security_manager', '/1/'))
  await removeCollection(manager, { id: first.collectionId })
  expect((await book()).rules.has('x')).toBe(false)
  expect((await listCollections(manager)).map(({ name }) => name)).not.toContain('renewed')
})

test('paths that lead out, lies about sizes, bombs and what is no zip are refused', async () => {
  for (const path of ['../out.yml', '/etc/out.yml', 'a/../../out.yml', 'C:\\out.yml', 'a\\..\\out.yml'])
    await expect(bring([{ path, text: rule('out') }])).rejects.toMatchObject({ code: 'IMPORT_DAMAGED' })
  const lying = zipOf([{ path: 'a.yml', text: 'x'.repeat(100_000), claimedBytes: 10 }])
  await expect(unzipRules(lying, tools.signal)).rejects.toMatchObject({ code: 'IMPORT_DAMAGED' })
  const large = await unzipRules(zipOf([{ path: 'a.yml', text: 'x'.repeat(2 << 20) }]), tools.signal)
  expect(large).toMatchObject({ rules: [], leftOut: [{ path: 'a.yml' }] })
  const bomb = zipOf(Array.from({ length: 210 }, (_, at) => ({ path: `${at}.yml`, text: 'x'.repeat(1 << 20) })))
  expect(bomb.length).toBeLessThan(1 << 20)
  await expect(unzipRules(bomb, tools.signal)).rejects.toMatchObject({ code: 'TOO_LARGE' })
  const whole = zipOf([{ path: 'a.yml', text: rule('a') }])
  for (const bytes of [Buffer.from('PK'), whole.subarray(0, whole.length - 30), Buffer.alloc(100)])
    await expect(unzipRules(bytes, tools.signal)).rejects.toMatchObject({ code: 'IMPORT_DAMAGED' })
})

test('a cancelled import keeps nothing', async () => {
  const controller = new AbortController()
  controller.abort()
  await expect(
    bring([{ path: 'never.yml', text: rule('never') }], 'never', 'live', controller.signal),
  ).rejects.toThrow()
  expect((await book()).rules.has('never')).toBe(false)
})

const corpus = new URL('../../../../../shared/data/sigma/rules.tar.gz', import.meta.url).pathname

test.skipIf(!existsSync(corpus))(
  'the shared corpus as one archive: 3,755 rules load',
  { timeout: 120_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'watchfire-corpus-'))
    try {
      execFileSync('tar', ['xzf', corpus, '-C', folder])
      const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
        /^rules.*\.ya?ml$/.test(name),
      )
      const entries = names.map((path) => ({ path, text: readFileSync(join(folder, path), 'utf8') }))
      const bytes = zipOf(entries)
      const context = store.as(person('security_manager', '/1/'))
      const seen = [{ product: 'windows', category: 'process_creation' }]
      const report = await importRules(
        context,
        await book(),
        { bytes, name: 'corpus', fileName: 'corpus.zip', stage: 'draft', seen },
        tools,
      )
      expect(report).toMatchObject({ loaded: 3_755, addedCount: 3_755 })
      expect(report.refusedCount + report.duplicateCount).toBe(names.length - 3_755)
      expect(report.canFire).toBeGreaterThan(1_000)
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)

test('what was edited here is known whatever the archive is called; evidence beside a rule is no rule', async () => {
  const evidence = { path: 'n/evidence.yml', text: 'samples:\n  fires.log:\n    - tool: something' }
  const bringAs = (word: string) =>
    bring([{ path: 'n/rule.yml', text: rule('n', word) }, evidence], 'nameless', 'live', tools.signal, 'a download')
  expect(await bringAs('one')).toMatchObject({ addedCount: 1, refused: [] })
  expect(await bringAs('two')).toMatchObject({ changedCount: 1, keptCount: 0 })
  const context = store.as(person('security_manager', '/1/'))
  const { revision } = (await book()).stored.get('n')!.rule
  const samples = { fires: [], silent: [] }
  const parts = { yaml: rule('n', 'mine'), samples, note: 'an.zip', check: { problems: [] }, sampleResult: null }
  await saveRuleVersion(context, { id: 'n', expectedRevision: revision, ...parts })
  expect(await bringAs('three')).toMatchObject({ changedCount: 0, keptCount: 1 })
})
