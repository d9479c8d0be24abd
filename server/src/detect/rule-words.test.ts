import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { shippedContentDir } from '../config/content-dir.ts'
import { readRuleFolders } from './rule-folder.ts'

interface RuleText {
  title: string
  description?: string
  tags?: string[]
  watchfire?: Words
}

const folders = readRuleFolders(shippedContentDir(), () => []).map((folder) => ({
  ...folder,
  rule: parseAllDocuments(folder.yaml)[0]!.toJS() as RuleText,
}))
const han = /\p{Script=Han}/u

interface Words {
  title?: string
  description?: string
  misses?: { zh?: string; en?: string }
  steps?: { zh?: string[]; en?: string[] }
}

/** What a shipped rule tells the analyst, in both languages, and what its samples rest on. */
describe('words of shipped rules', () => {
  it('say in Chinese and English what the rule finds, what it misses and the first three steps', () => {
    for (const { path, rule } of folders) {
      const words = rule.watchfire ?? {}
      const english = [rule.title, rule.description ?? '', words.misses?.en ?? '', ...(words.steps?.en ?? [])]
      const chinese = [words.title ?? '', words.description ?? '', words.misses?.zh ?? '', ...(words.steps?.zh ?? [])]
      const tags = rule.tags ?? []
      expect(english, path).toHaveLength(6)
      expect(chinese, path).toHaveLength(6)
      for (const text of english) expect(text.length >= 5 && !han.test(text), `${path}: ${text}`).toBe(true)
      for (const text of chinese) expect(han.test(text), `${path}: ${text}`).toBe(true)
      expect(
        tags.some((tag) => /^attack\.t\d{4}/.test(tag)),
        `${path} names a technique`,
      ).toBe(true)
      expect(
        tags.some((tag) => /^attack\.[a-z]/.test(tag) && !/^attack\.t\d/.test(tag)),
        `${path} names a stage`,
      ).toBe(true)
    }
  })

  it('are written for the rule: no steps serve for more than a family of rules', () => {
    const users = new Map<string, string[]>()
    for (const { path, rule } of folders) {
      const steps = JSON.stringify(rule.watchfire?.steps?.en)
      users.set(steps, [...(users.get(steps) ?? []), path])
    }
    expect([...users.values()].filter((paths) => paths.length > 4)).toEqual([])
  })

  it('rest on a tool that was run, a capture, or a format that is published: a page, an RFC, a standard, a manual page', () => {
    const published = /https?:\/\/\S+|RFC \d+|IEC \d+|MS-[A-Z]+|standard, version \d+|\w\(\d\)|\.c:|project \w+ \(/
    for (const { path, evidence, fires, silent } of folders) {
      for (const { name } of [...fires, ...silent]) expect(evidence.samples[name], `${path}/${name}`).toBeDefined()
      for (const entry of Object.values(evidence.samples).flat()) {
        if (!('format' in entry)) continue
        expect(entry.format, path).toMatch(published)
        // Windows events cannot be made here: each cites the page of its event, or the manifest of its provider.
        if (path.startsWith('windows/'))
          expect(entry.format, path).toMatch(/https:\/\/learn\.microsoft\.com\/|^Event manifest of /)
      }
    }
  })
})
