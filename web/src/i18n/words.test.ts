import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { en } from './en.ts'
import { zhCN } from './zh-CN.ts'

type Tree = { readonly [key: string]: string | Tree }

function flatten(tree: Tree, path = ''): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string' ? [[path + key, value] as [string, string]] : flatten(value, `${path}${key}.`),
  )
}

const chinese = new Map(flatten(zhCN))
const english = new Map(flatten(en))
const holes = (text: string) => [...text.matchAll(/{{(\w+)}}/g)].map((match) => match[1]).sort()

/** Names of languages are written in that language everywhere. */
const inTheirOwn = new Set(['shell.otherLanguage', 'notification.languages.zh', 'notification.languages.en'])

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'i18n' ? [] : sources(path)
    // The types of the API are generated; their comments are the server's.
    const isOurs = !entry.name.includes('.test.') && entry.name !== 'schema.d.ts'
    return /\.tsx?$/.test(entry.name) && isOurs ? [path] : []
  })
}

const code = sources(join(import.meta.dirname, '..')).map((path) => [path, readFileSync(path, 'utf8')] as const)

describe('words', () => {
  it('has the same keys in both languages', () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort())
  })

  it('fills the same holes in both languages', () => {
    for (const [key, text] of chinese) expect(holes(english.get(key) ?? ''), key).toEqual(holes(text))
  })

  it('has no Chinese in English, and no untranslated sentence in Chinese', () => {
    for (const [key, text] of english) if (!inTheirOwn.has(key)) expect(text, key).not.toMatch(/\p{Script=Han}/u)
    for (const [key, text] of chinese) {
      const isTerm = !/[a-z]{3,} [a-z]{3,}/.test(text) || key.startsWith('help.queryTerm')
      if (!inTheirOwn.has(key) && !isTerm) expect(text, key).toMatch(/\p{Script=Han}/u)
    }
  })

  it('leaves no key empty', () => {
    for (const words of [chinese, english]) for (const [key, text] of words) expect(text.trim(), key).not.toBe('')
  })

  it('has no Chinese outside the words', () => {
    for (const [path, text] of code) {
      expect(text.match(/^.*\p{Script=Han}.*$/mu)?.[0], path).toBeUndefined()
    }
  })

  it('uses every key', () => {
    const all = code.map(([, text]) => text).join('\n')
    const written = new Set([...all.matchAll(/['`]([a-zA-Z]+(?:\.[\w-]+)+)['`]/g)].map((match) => match[1]))
    const prefixes = [...all.matchAll(/`([a-zA-Z]+(?:\.\w+)*\.)\$\{/g)].map((match) => match[1]!)
    const suffixed = [...all.matchAll(/`([a-zA-Z]+(?:\.\w+)*\.)\$\{[^}]+\}(\w+)`/g)].map((match) => match[1]!)
    const unused = [...chinese.keys()].filter(
      (key) =>
        !written.has(key) &&
        ![...prefixes, ...suffixed].some((prefix) => key.startsWith(prefix)) &&
        !['brand'].includes(key),
    )
    expect(unused).toEqual([])
  })
})
