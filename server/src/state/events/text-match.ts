import { literalText, type Pattern } from '../../event/query.ts'
import { canonicalIp } from '../../lib/ip-address.ts'
import { textTokenizer, wordsOf } from '../../seams/events/search-text.ts'
import type { SqlParameters } from './sql.ts'

/**
 * How words are found in text. Text and query are lower-cased (ASCII) and cut into words: runs of letters a-z and
 * digits; every other character parts words, and each character beyond ASCII (Chinese) stands for itself. A text holds
 * a value when it holds it as it is written and the value's first and last word are whole words of the text: `root`
 * is in `user:root(uid=0)`, not in `chroot`; `mimikatz` is in `mimikatz.exe`; `登录` is in `用户登录失败`.
 */

/** Runs of letters and digits, and each character beyond ASCII. */
const word = /[0-9a-z]+|\P{ASCII}/gu

/**
 * Condition: the event holds the pattern in what free text is looked for in (see seams/events/search-text.ts). An
 * address is also found where a field holds it, however it is written in the record.
 */
export function eventHolds(pattern: Pattern, parameters: SqlParameters): string {
  const literal = literalText(pattern)
  if (literal === '') return `message = ''`
  if (literal === undefined)
    return allOf([...indexTests(sureWords(pattern), parameters), ...wildcardTests('search_text', pattern, parameters)])
  const text = asciiLower(literal)
  const address = canonicalIp(text)
  if (address === undefined) return phraseInEvent(text, parameters)
  const inText =
    address === text && !text.includes(':') ? hasWords([text], parameters) : phraseInEvent(text, parameters)
  if (address === '::') return inText
  const value = `toIPv6(${parameters.add('String', address)})`
  return `(${inText} OR source_ip = ${value} OR destination_ip = ${value} OR has(related_ip, ${value}))`
}

function phraseInEvent(text: string, parameters: SqlParameters): string {
  const edges = edgeWords(text)
  const tests = indexTests(indexWords(text, edges), parameters)
  if (edges[0] === text) return allOf(tests)
  return allOf([...tests, like(lowered('search_text'), text, parameters)])
}

/** Condition: one text, a column or a value in `extra`, holds the pattern. */
export function textHolds(column: string, pattern: Pattern, parameters: SqlParameters): string {
  const literal = literalText(pattern)
  if (literal === '') return `${column} = ''`
  // What the message holds, the event holds: the index says where to look.
  const isIndexed = column === 'message'
  if (literal === undefined) {
    const sure = isIndexed ? sureWords(pattern) : []
    return allOf([...indexTests(sure, parameters), ...wildcardTests(column, pattern, parameters)])
  }
  const text = asciiLower(literal)
  const edges = edgeWords(text)
  const tests = isIndexed ? indexTests(indexWords(text, edges), parameters) : []
  tests.push(like(lowered(column), text, parameters))
  if (edges.length > 0) {
    const words = parameters.add('Array(String)', edges)
    tests.push(`hasAllTokens(${wordsOf(column)}, ${words}, '${textTokenizer}')`)
  }
  return allOf(tests)
}

function wildcardTests(text: string, pattern: Pattern, parameters: SqlParameters): string[] {
  const test = `match(${lowered(text)}, ${parameters.add('String', regularExpression(pattern))})`
  const longest = longestLiteral(pattern)
  // The cheaper test goes first.
  return longest === '' ? [test] : [like(lowered(text), longest, parameters), test]
}

function indexTests(words: string[], parameters: SqlParameters): string[] {
  return words.length === 0 ? [] : [hasWords(words, parameters)]
}

/** The event holds all words; answered by the index alone. A tokenizer named here would keep the store from using it. */
function hasWords(words: string[], parameters: SqlParameters): string {
  return `hasAllTokens(search_words, ${parameters.add('Array(String)', words)})`
}

/** First and last word, where the text begins and ends with one. */
function edgeWords(text: string): string[] {
  const first = /^[0-9a-z]+/.exec(text)?.[0]
  const last = /[0-9a-z]+$/.exec(text)?.[0]
  return [...new Set([first, last].filter((word) => word !== undefined))]
}

/** Most words the store's function takes is 64. */
const indexWordsMax = 60

/** An address within a phrase, with something about it, so that it is whole. */
const innerAddress = /(?<=[^0-9.])\d+\.\d+\.\d+\.\d+(?=[^0-9.])/g

/** Words between the edges follow from the phrase itself; they only help the index. */
function indexWords(text: string, edges: string[]): string[] {
  const words = [...edges, ...(text.match(innerAddress) ?? []), ...(text.match(word) ?? [])]
  return [...new Set(words)].slice(0, indexWordsMax)
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
