/**
 * `key=value` text as firewalls write it. Pairs are separated by blanks, or by `;`, `,` or `|` when the text uses
 * these. A value is quoted (straight or typographic quotes, with backslash escapes) or runs to the next pair, so that
 * `name=to office policy=3` is two pairs. The first of a repeated key wins and the others are kept as a list.
 */
export type Pairs = Record<string, string | string[]>

/** Most pairs read from one record. */
const pairsLimit = 1024

export type Separator = ' ' | ';' | ',' | '|' | '\t' | '##'

/** Which character separates pairs: the one that most often stands between a value and the next key. */
function separatorOf(text: string, assign: string): Separator {
  const sample = text.length > 2048 ? text.slice(0, 2048) : text
  let best: Separator = ' '
  let bestCount = 0
  for (const separator of [';', ',', '|', '\t', '##'] as const) {
    let count = 0
    for (let at = sample.indexOf(separator); at >= 0; at = sample.indexOf(separator, at + 1)) {
      const next = sample.indexOf(assign, at + 1)
      if (next < 0) break
      // A key follows at once: no quote, no other separator, not too long.
      const key = sample.slice(at + separator.length, next)
      if (key.length <= 48 && !/[;,|\t"=]/.test(key) && key.trim() !== '') count++
    }
    if (count > bestCount) {
      best = separator
      bestCount = count
    }
  }
  if (bestCount === 0) return ' '
  // Blanks win when they separate clearly more pairs than the candidate does.
  let blanks = 0
  const pair = new RegExp(`[ ][^ ;,|"${assign === ':' ? ':' : '='}]{1,48}${assign === ':' ? ':' : '='}`, 'g')
  while (pair.test(sample)) blanks++
  return blanks > bestCount * 2 ? ' ' : best
}

/** Reads the pairs; undefined when fewer than two are found. */
export function readPairs(
  text: string,
  separator: Separator | 'auto' = 'auto',
  assign: '=' | ':' = '=',
): Pairs | undefined {
  const between = separator === 'auto' ? separatorOf(text, assign) : separator
  const pairs: Pairs = Object.create(null)
  const count = between === ' ' ? readBlank(text, assign, pairs) : readSeparated(text, between, assign, pairs)
  return count >= 2 ? pairs : undefined
}

function add(pairs: Pairs, key: string, value: string): void {
  const present = pairs[key]
  if (present === undefined) pairs[key] = value
  else if (Array.isArray(present)) present.push(value)
  else if (present !== value) pairs[key] = [present, value]
}

function readSeparated(text: string, separator: string, assign: string, pairs: Pairs): number {
  let count = 0
  let at = 0
  const length = text.length
  while (at < length && count < pairsLimit) {
    let equals = text.indexOf(assign, at)
    if (equals < 0) break
    // A piece without an assignment is skipped.
    const stray = text.indexOf(separator, at)
    if (stray >= 0 && stray < equals) {
      at = stray + separator.length
      continue
    }
    const key = cleanKey(text.slice(at, equals))
    if (text.charAt(equals + 1) === assign) equals++
    let start = equals + 1
    while (text.charCodeAt(start) === 32) start++
    const close = quoteEnd(text, start)
    let end: number
    let value: string
    if (close > 0) {
      value = unescapeQuoted(text.slice(start + 1, close))
      end = text.indexOf(separator, close)
    } else {
      end = text.indexOf(separator, start)
      value = text.slice(start, end < 0 ? length : end).trimEnd()
    }
    if (key !== '') {
      add(pairs, key, value)
      count++
    }
    if (end < 0) break
    at = end + separator.length
  }
  return count
}

function readBlank(text: string, assign: string, pairs: Pairs): number {
  let count = 0
  const length = text.length
  let equals = text.indexOf(assign)
  while (equals >= 0 && count < pairsLimit) {
    let keyStart = equals
    while (keyStart > 0 && !isBlank(text.charCodeAt(keyStart - 1)) && text.charCodeAt(keyStart - 1) !== 44) keyStart--
    const key = cleanKey(text.slice(keyStart, equals))
    let start = equals + 1
    const close = quoteEnd(text, start)
    let next: number
    if (close > 0) {
      next = text.indexOf(assign, close)
      if (key !== '') add(pairs, key, unescapeQuoted(text.slice(start + 1, close)))
    } else {
      // The value ends at the last blank before the next assignment that has a key right in front of it.
      next = nextAssignment(text, start, assign)
      let end = next < 0 ? length : next
      if (next >= 0) while (end > start && !isBlank(text.charCodeAt(end - 1))) end--
      while (isBlank(text.charCodeAt(start)) && start < end) start++
      while (end > start && (isBlank(text.charCodeAt(end - 1)) || text.charCodeAt(end - 1) === 44)) end--
      if (key !== '') add(pairs, key, text.slice(start, end))
    }
    if (key !== '') count++
    equals = next
  }
  return count
}

/** The next assignment whose key begins after a blank; `a=b=c` has one only. */
function nextAssignment(text: string, from: number, assign: string): number {
  let at = text.indexOf(assign, from)
  while (at >= 0) {
    let key = at
    while (key > from && isKeyCharacter(text.charCodeAt(key - 1))) key--
    // `09:51` is a time, not a pair.
    if (assign === ':' && isDigit(text.charCodeAt(key))) {
      at = text.indexOf(assign, at + 1)
      continue
    }
    if (key < at && (key === from ? false : isBlank(text.charCodeAt(key - 1)) || text.charCodeAt(key - 1) === 44))
      return at
    at = text.indexOf(assign, at + 1)
  }
  return -1
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9 || code === 10 || code === 13
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

function isKeyCharacter(code: number): boolean {
  return !isBlank(code) && code !== 44 && code !== 34 && code !== 59 && code !== 38 && code !== 63 && code !== 61
}

const closing: Record<string, string> = { '"': '"', '“': '”', '”': '”', "'": "'" }

/** Where the quote that opens at `start` closes, or -1. A typographic quote may open and close with the same sign. */
function quoteEnd(text: string, start: number): number {
  const open = text.charAt(start)
  const close = closing[open]
  if (close === undefined) return -1
  for (let at = text.indexOf(close, start + 1); at > 0; at = text.indexOf(close, at + 1)) {
    let slashes = 0
    while (text.charCodeAt(at - 1 - slashes) === 92) slashes++
    // A path such as "C:\Temp\" ends in a backslash that escapes nothing when a separator or the end follows.
    if (slashes % 2 === 0 || at + 1 === text.length || /[\s;,|]/.test(text.charAt(at + 1))) return at
  }
  return -1
}

function unescapeQuoted(text: string): string {
  return text.includes('\\"') ? text.replaceAll('\\"', '"') : text
}

function cleanKey(text: string): string {
  // Comware and DPtech number their keys: `SrcIPAddr(1003)=`. Topsec marks theirs: `##TIME=`.
  const key = text.trim().replace(/^[\s;,|"'({[#]+|["']+$|\(\d+\)$/g, '')
  return key.length <= 64 && !/[{}<>%]/.test(key) ? key : ''
}
