import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { isAllowed, licenceProblems } from '../licences.ts'
import { checkImpure, checkThrown, checkWrites, lengths } from './code.ts'
import { checkChineseInCode, checkRuleSamples, checkWords } from './content.ts'
import { checkDeadExports, checkDeadFiles } from './dead.ts'
import { checkDocuments, checkMachinePaths } from './documents.ts'
import { checkErrorCodes, errorsPage, errorsPagePath } from './errors.ts'
import { checkBarrels, checkCycles, checkImportOrder, checkTargets } from './imports.ts'
import { checkMigrations } from './migrations.ts'
import { type Finding, Project } from './project.ts'

type Check = (project: Project) => Finding[]

/** Findings as `path:line message`, so that each fixture shows what is said and where. */
function said(check: Check, files: Record<string, string>): string[] {
  return check(new Project(files)).map(
    ({ path, line, message }) => `${path.split('/').pop()}${line ? `:${line}` : ''} ${message}`,
  )
}

const src = (files: Record<string, string>) =>
  Object.fromEntries(Object.entries(files).map(([path, text]) => [`server/src/${path}`, text]))

describe('imports', () => {
  it('go from right to left, and never between siblings', () => {
    const good = src({
      'lib/a.ts': 'export const a = 1',
      'event/b.ts': "import { a } from '../lib/a.ts'",
      'collect/pcap/c.ts': "import { d } from '../../traffic/d.ts'",
      'traffic/d.ts': 'export const d = 1',
    })
    expect(said(checkImportOrder, good)).toEqual([])
    const bad = {
      ...src({
        'lib/a.ts': "import { b } from '../event/b.ts'",
        'detect/d.ts': "import type { E } from '../enrich/e.ts'",
        'app/x.ts': "import y from '../../../content/y.ts'",
        'odd/z.ts': '',
      }),
      'web/src/main.tsx': "import { b } from '../../server/src/event/b.ts'",
    }
    expect(said(checkImportOrder, bad)).toEqual([
      'a.ts:1 imports server/src/event/b.ts: lib stands left of event',
      'd.ts:1 imports server/src/enrich/e.ts: detect and enrich are siblings',
      'x.ts:1 imports content/y.ts, which lies outside server/src',
      'z.ts the folder odd is in no layer of the design',
      'main.tsx:1 imports server/src/event/b.ts: the web client sees only the public API',
    ])
  })

  it('lead to files that exist, workers included', () => {
    const files = src({
      'lib/a.ts': "import './b.ts'\nnew Worker(new URL('./gone.ts', import.meta.url))",
      'lib/b.ts': "await import('./lost.ts')",
    })
    expect(said(checkTargets, files)).toEqual([
      'a.ts:2 ./gone.ts leads to no file',
      'b.ts:1 ./lost.ts leads to no file',
    ])
  })

  it('form no cycle, types aside', () => {
    const files = src({
      'lib/a.ts': "import { b } from './b.ts'",
      'lib/b.ts': "import { c } from './c.ts'",
      'lib/c.ts': "import { a } from './a.ts'",
      'lib/t.ts': "import { u } from './u.ts'",
      'lib/u.ts': "import type { T } from './t.ts'",
    })
    expect(said(checkCycles, files)).toEqual([
      'c.ts import cycle: server/src/lib/a.ts -> server/src/lib/b.ts -> server/src/lib/c.ts -> server/src/lib/a.ts',
    ])
  })

  it('come from where a thing is defined', () => {
    expect(
      said(
        checkBarrels,
        src({ 'lib/index.ts': "\nexport { a } from './a.ts'\nexport * from './b.ts'\nconst c = 1\nexport { c }" }),
      ).map((line) => line.split(' ')[0]),
    ).toEqual(['index.ts:2', 'index.ts:3'])
  })
})

describe('dead code', () => {
  it('is a file that no program reaches, tests not counted', () => {
    const files = {
      ...src({
        'main.ts': "import('./app/a.ts')",
        'app/a.ts': `new URL('./worker.js', import.meta.url); new URL(\`./threads/\${name}.js\`, import.meta.url)`,
        'app/worker.ts': '',
        'app/threads/one.ts': '',
        'lib/dead.ts': '',
        'lib/dead.test.ts': "import './dead.ts'",
      }),
      'package.json': '{"scripts":{"x":"tsx tools/used.ts"}}',
      'tools/used.ts': '',
      'tools/unused.ts': '',
    }
    expect(said(checkDeadFiles, files)).toEqual([
      'dead.ts no program uses this file',
      'unused.ts no program uses this file',
    ])
  })

  it('is an export that nothing imports', () => {
    const files = src({
      'lib/a.ts':
        'export const used = 1\nexport function unused() {}\nexport interface Shape {}\nexport interface Lonely {}\nexport const { x, y } = { x: 1, y: 2 }\nexport function takes(shape: Shape) {}',
      'lib/b.ts': "import { used, takes as t, x } from './a.ts'",
      'lib/all.ts': 'export const anything = 1',
      'lib/c.ts': "import * as all from './all.ts'",
    })
    expect(said(checkDeadExports, files)).toEqual([
      'a.ts:2 nothing imports unused',
      'a.ts:4 nothing imports Lonely',
      'a.ts:5 nothing imports y',
    ])
  })
})

describe('code', () => {
  it('takes time, randomness and environment as arguments', () => {
    const text =
      '// Date.now() in a comment is fine\nDate.now()\nnew Date()\nnew Date(5)\nMath.random()\nprocess.env.X\nconst s = "Math.random()"'
    expect(
      said(checkImpure, src({ 'lib/a.ts': text, 'seams/clock/clock.ts': text, 'lib/a.test.ts': text })).map(
        (line) => line.split(' outside')[0],
      ),
    ).toEqual(['a.ts:2 Date.now', 'a.ts:3 new Date()', 'a.ts:5 Math.random', 'a.ts:6 process.env'])
  })

  it('throws coded errors only', () => {
    const files = src({
      'event/errors.ts': 'export class CodedError extends Error {}',
      'lib/a.ts':
        "class Refused extends CodedError {}\nclass Signal {}\nclass Plain extends Error {}\nthrow new Refused()\nthrow new Signal()\nthrow new Plain()\nthrow new TypeError('x')\nthrow new Error('x')\nthrow 'x'\nthrow error",
      'state/b.ts': 'class Caught {}\nthrow new Caught()\nif (e instanceof Caught) {}',
    })
    expect(said(checkThrown, files)).toEqual([
      'a.ts:5 throws Signal, which server/src/lib does not catch',
      'a.ts:6 throws Plain, which has no code',
      'a.ts:8 a plain Error: use CodedError, or TypeError and RangeError for a programmer’s mistake',
      'a.ts:9 throws what is no error',
    ])
  })

  it('changes state through write()', () => {
    const files = src({
      'state/units/create.ts':
        'await context.database.insert(units)\nawait transaction.insert(units)\nawait database.transaction(async () => {})',
      'state/units/touch.ts':
        '// unaudited: the time of last use is no act\nawait database.update(units)\nfunction f() {\n  database.delete(units)\n}',
      'state/write.ts': 'await database.transaction(async (transaction) => { await appendAudit(transaction) })',
    })
    expect(said(checkWrites, files).map((line) => line.split(':').slice(0, 2).join(':'))).toEqual([
      'create.ts:1 insert on the database itself',
      'create.ts:3 opens a transaction but appends no audit row',
      'touch.ts:4 delete on the database itself',
    ])
  })

  it('reports lengths without judging', () => {
    const long = `function f() {\n${'  f()\n'.repeat(120)}}\n`
    expect(lengths(new Project(src({ 'lib/a.ts': long })))).toEqual([
      'files over 300 lines: 0 of 1',
      'functions over 100 lines: 1 of 1; longest server/src/lib/a.ts:1 (122)',
    ])
  })
})

describe('knowledge', () => {
  const table =
    "export const errorTable = {\n  A_B: { status: 400, retry: true, hint: 'Do it.' },\n  C_D: { status: 500, retry: false, hint: '' },\n} as const satisfies X"

  it('documents every error code, and gives every code somewhere', () => {
    const files = src({ 'event/errors.ts': table, 'lib/a.ts': "throw new CodedError('A_B', 'x')" })
    expect(said(checkErrorCodes, files)).toEqual([
      'errors.ts:3 nothing gives C_D',
      'errors.ts:3 C_D has no hint',
      'errors.md is not what the error table says: run `npx tsx tools/tidy.ts --write`',
    ])
    const page = errorsPage(new Project(files))
    expect(page).toContain('| `A_B` | 400 | yes | Do it. |')
    expect(said(checkErrorCodes, { ...files, [errorsPagePath]: page })).toHaveLength(2)
  })

  it('names no path, link or script that does not exist', () => {
    const files = {
      'package.json': '{"scripts":{"bench":"x"}}',
      'server/src/main.ts': '',
      'docs/a.md':
        'See `server/src/main.ts:3`, `server/src/`, `server/src/gone.ts`, `content/rules/<name>/rule.yml`,\n`npm run bench -- x`, `npm run none`, [up](../package.json), [lost](b.md), [web](https://example.org/x).\n`server/dist/main.js`',
    }
    expect(said(checkDocuments, files)).toEqual([
      'a.md:1 names server/src/gone.ts, which does not exist',
      'a.md:2 names npm run none, which is no script',
      'a.md:2 links to docs/b.md, which does not exist',
    ])
  })

  it('tells nothing of the machine it was written on', () => {
    const files = {
      'a.md': 'fine\nsee /somewhere/checkout/x',
      'package-lock.json': '"resolved": "https://host/x.tgz"',
      '.npmrc': `registry=https://registry.${'example'}.com`,
    }
    expect(
      said((project) => checkMachinePaths(project, ['/somewhere/checkout']), files).map((line) => line.split(' ')[0]),
    ).toEqual(['a.md:2', 'package-lock.json:1', '.npmrc:1'])
  })

  it('gives every rule a firing and a silent sample', () => {
    const files = {
      'content/rules/a/rule.yml': 'title: x\ndetection:\n  a: b',
      'content/rules/a/fires.x.log': 'line',
      'content/rules/a/silent.x.log': '\n',
      'content/rules/b/rule.yml': 'title: x\ncorrelation:\n  type: event_count',
      'content/rules/b/silent.x.log': 'line',
      'content/rules/b/evidence.yml': 'samples:\n  silent.y.log: [{ tool: y }]',
    }
    expect(said(checkRuleSamples, files)).toEqual([
      'silent.x.log is empty',
      'a has no evidence.yml, which says what its samples rest on',
      'rule.yml has no fires.* sample beside it',
      'evidence.yml says nothing of silent.x.log',
      'evidence.yml speaks of silent.y.log, which is not there',
    ])
  })

  it('changes no migration that has landed, and knows all that run', () => {
    const folder = 'server/src/seams/store/migrations/'
    const hash = (text: string) => createHash('sha256').update(text).digest('hex')
    const files = {
      [`${folder}landed.json`]: JSON.stringify({
        '0000_a': hash('create a;'),
        '0001_b': hash('x'),
        '0002_c': hash('x'),
      }),
      [`${folder}meta/_journal.json`]: JSON.stringify({
        entries: ['0000_a', '0001_b', '0003_d'].map((tag) => ({ tag })),
      }),
      [`${folder}0000_a.sql`]: 'create a;',
      [`${folder}0001_b.sql`]: 'create another b;',
      [`${folder}0003_d.sql`]: 'create d;',
    }
    expect(said(checkMigrations, files)).toEqual([
      expect.stringContaining('has landed and was changed'),
      '0002_c.sql a migration that landed is gone',
      expect.stringContaining('is not in landed.json'),
    ])
  })

  it('says the same in both languages', () => {
    const files = {
      'web/src/i18n/zh-CN.ts': "export const zhCN = { a: '甲', b: { c: '{{count}} 条', d: '' }, only: '乙' } as const",
      'web/src/i18n/en.ts':
        "export const en: Words = { a: 'A 甲', b: { c_one: '1 line', c: '{{number}} lines', d: 'd' }, more: 'm' }",
    }
    expect(said(checkWords, files)).toEqual([
      'en.ts:1 b.c has other placeholders than the Chinese',
      'zh-CN.ts:1 b.d is empty',
      'en.ts lacks only',
      'zh-CN.ts lacks more',
      'en.ts:1 a holds Chinese',
    ])
    expect(said(checkWords, { 'web/src/i18n/en.ts': '' })).toEqual(['zh-CN.ts is missing'])
    expect(
      said(checkChineseInCode, {
        'web/src/pages/a.tsx': '// 注释\nconst a = <b>文字</b>',
        'web/src/i18n/zh-CN.ts': "const a = '甲'",
      }),
    ).toHaveLength(1)
  })

  it('ships only what its licences allow', () => {
    const allowed = new Set(['MIT', 'Apache-2.0'])
    expect([
      isAllowed('(GPL-3.0 OR MIT)', allowed),
      isAllowed('MIT AND GPL-3.0', allowed),
      isAllowed('Apache-2.0', allowed),
    ]).toEqual([true, false, true])
    const asked = 'SEE LICENSE IN ROUTEVIEWS-LICENSE and DBIP-LICENSE (CC-BY-4.0)'
    const credited = { 'node_modules/@ip-location-db/asn': { license: asked } }
    expect(licenceProblems(credited, 'the table of @ip-location-db/asn')).toEqual([])
    expect(licenceProblems(credited, 'nothing')).toHaveLength(1)
    expect(licenceProblems({ 'node_modules/other': { license: asked } }, '@ip-location-db/asn')).toHaveLength(1)
    const problems = licenceProblems(
      {
        '': {},
        'node_modules/a': { license: 'GPL-3.0' },
        'node_modules/b': { license: 'MPL-2.0', dev: true },
        'node_modules/c': {},
        'node_modules/d': { link: true },
      },
      '',
    )
    expect(problems).toEqual([
      'node_modules/a: GPL-3.0 (ships with the product)',
      'node_modules/c: no licence stated (ships with the product)',
    ])
  })
})
