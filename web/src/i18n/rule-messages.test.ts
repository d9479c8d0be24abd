import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ruleMessageInChinese } from './rule-messages.zh-CN.ts'

const server = join(import.meta.dirname, '../../../server/src')
const calls = /\b(?:refuse|RuleRefused|warn|warning|RangeError)\(/g
const texts = /`((?:\\.|\$\{[^}]*\}|[^`\\])*)`|'((?:\\.|[^'\\])*)'/g

/** Every sentence with a space that the sources give to what tells of a problem of a rule; `X1` for each value. */
function sentencesOf(folder: string): string[] {
  return readdirSync(join(server, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !/test|judge/.test(name))
    .flatMap((name) => {
      const source = readFileSync(join(server, folder, name), 'utf8')
      return [...source.matchAll(calls)].flatMap(({ index, 0: call }) =>
        [...argumentsAt(source, index + call.length).matchAll(texts)].map((found) =>
          (found[1] ?? found[2]!).replaceAll(/\\(.)/g, '$1').replaceAll(/\$\{[^}]*\}/g, 'X1'),
        ),
      )
    })
    .filter((text) => text.trim().includes(' '))
}

/** What stands between a parenthesis and its end; quoted parentheses come in pairs or stand before no other argument. */
function argumentsAt(source: string, start: number): string {
  let depth = 1
  let end = start
  for (; depth > 0 && end < source.length; end++) depth += source[end] === '(' ? 1 : source[end] === ')' ? -1 : 0
  return source.slice(start, end)
}

describe('what the rule engine says', () => {
  it('has Chinese for every sentence of the sources', () => {
    const sentences = ['detect/sigma', 'present/workbench'].flatMap(sentencesOf)
    expect(sentences.length).toBeGreaterThan(70)
    const unknown = sentences.filter((text) => ruleMessageInChinese(text) === undefined)
    expect(unknown).toEqual([])
  })

  it('keeps values, and translates sentences within sentences', () => {
    expect(ruleMessageInChinese('`timespan` must be a number and one of s m h d w M y')).toContain('timespan')
    expect(ruleMessageInChinese('`CommandLine|re`: error parsing regexp: missing closing ): `(a`')).toBe(
      '`CommandLine|re`：正则表达式有误：缺少右括号：`(a`',
    )
    expect(ruleMessageInChinese('`x y` is left over in the condition `a x y`')).toBe(
      '条件 `a x y` 有误：`x y` 是多余的',
    )
    expect(ruleMessageInChinese('Map keys must be unique at line 3, column 1:')).toBe('映射中的键重复')
    expect(ruleMessageInChinese('Unexpected flow-map-end in block map')).toBe('block map 中出现意外的 flow-map-end')
    expect(ruleMessageInChinese('Something nobody said')).toBeUndefined()
  })
})
