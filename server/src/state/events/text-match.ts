import { literalText, type Pattern } from '../../event/query.ts'
import type { SqlParameters } from './sql.ts'

/**
 * How words are found in text. Text and query are lower-cased (ASCII) and cut into words: runs of letters a-z and
 * digits; every other character parts words, and each character beyond ASCII (Chinese) stands for itself. A text holds
 * a value when it holds it as it is written and the value's first and last word are whole words of the text: `root`
 * is in `user:root(uid=0)`, not in `chroot`; `mimikatz` is in `mimikatz.exe`; `登录` is in `用户登录失败`.
 *
 * The store's text index is over this expression, with the tokenizer below: signs that the tokenizer would take as
 * part of a word are blanks in it.
 */
function wordsOf(column: string): string {
  return `lower(translate(${column}, '._:\\'', '    '))`
}

const tokenizer = 'asciiCJK'

/** Runs of letters and digits, and each character beyond ASCII. */
const word = /[0-9a-z]+|\P{ASCII}/gu

/** True once the store's text index is over `wordsOf('message')`: only then does `hasAllTokens` find by it. */
export const messageIsIndexed = false

/** Condition: the text column holds the pattern. `indexed`: the store has the text index over the column. */
export function textHolds(column: string, pattern: Pattern, parameters: SqlParameters, indexed: boolean): string {
  const literal = literalText(pattern)
  if (literal === '') return `${column} = ''`
  if (literal !== undefined) return phraseHolds(column, asciiLower(literal), parameters, indexed)
  const tests = [`match(${lowered(column)}, ${parameters.add('String', regularExpression(pattern))})`]
  const sure = sureWords(pattern)
  const longest = longestLiteral(pattern)
  if (longest !== '') tests.unshift(like(lowered(column), longest, parameters))
  if (indexed && sure.length > 0) tests.unshift(holdsWords(column, sure, parameters, indexed))
  return allOf(tests)
}

function phraseHolds(column: string, text: string, parameters: SqlParameters, indexed: boolean): string {
  const edges = edgeWords(text)
  const isOneWord = edges[0] === text
  // Words between the edges follow from the phrase itself; they only help the index.
  const words = indexed ? indexWords(text, edges) : edges
  const tests = []
  if (words.length > 0) tests.push(holdsWords(column, words, parameters, indexed))
  if (!isOneWord || !indexed) tests.push(like(lowered(column), text, parameters))
  // Without an index the cheaper test goes first.
  return allOf(indexed ? tests : tests.reverse())
}

/** First and last word, where the text begins and ends with one. */
function edgeWords(text: string): string[] {
  const first = /^[0-9a-z]+/.exec(text)?.[0]
  const last = /[0-9a-z]+$/.exec(text)?.[0]
  return [...new Set([first, last].filter((word) => word !== undefined))]
}

/** Most words the store's function takes is 64. */
const indexWordsMax = 60

function indexWords(text: string, edges: string[]): string[] {
  return [...new Set([...edges, ...(text.match(word) ?? [])])].slice(0, indexWordsMax)
}

function holdsWords(column: string, words: string[], parameters: SqlParameters, indexed: boolean): string {
  const tokenizerArgument = indexed ? '' : `, '${tokenizer}'`
  return `hasAllTokens(${wordsOf(column)}, ${parameters.add('Array(String)', words)}${tokenizerArgument})`
}

function lowered(column: string): string {
  return `lower(${column})`
}

function like(expression: string, text: string, parameters: SqlParameters): string {
  return `${expression} LIKE ${parameters.add('String', `%${likeText(text)}%`)}`
}

/** Wildcards of LIKE stand for themselves. */
export function likeText(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&')
}

/**
 * Wildcards stay within what has no blanks: `*` is any run of such characters, `?` is one. Where the pattern begins or
 * ends with a letter or digit, a word begins or ends there.
 */
function regularExpression(pattern: Pattern): string {
  const parts = pattern.map((part) => {
    if (part.kind === 'any') return '[^\\s]*'
    if (part.kind === 'one') return '[^\\s]'
    return asciiLower(part.text).replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')
  })
  const first = pattern[0]
  const last = pattern.at(-1)
  const before = first?.kind === 'literal' && /^[0-9a-z]/i.test(first.text) ? '(^|[^0-9a-z])' : ''
  const after = last?.kind === 'literal' && /[0-9a-z]$/i.test(last.text) ? '($|[^0-9a-z])' : ''
  return `(?s)${before}${parts.join('')}${after}`
}

/** Words that must be in the text whatever the wildcards stand for. */
function sureWords(pattern: Pattern): string[] {
  const words = pattern.flatMap((part, index) => {
    if (part.kind !== 'literal') return []
    let text = asciiLower(part.text)
    if (index > 0) text = text.replace(/^[0-9a-z]+/, '')
    if (index < pattern.length - 1) text = text.replace(/[0-9a-z]+$/, '')
    return text.match(word) ?? []
  })
  return [...new Set(words)].slice(0, indexWordsMax)
}

function longestLiteral(pattern: Pattern): string {
  const literals = pattern.map((part) => (part.kind === 'literal' ? asciiLower(part.text) : ''))
  return literals.reduce((longest, text) => (text.length > longest.length ? text : longest), '')
}

/** As the store's `lower`: A to Z only. */
export function asciiLower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

function allOf(tests: string[]): string {
  return tests.length === 1 ? tests[0]! : `(${tests.join(' AND ')})`
}
