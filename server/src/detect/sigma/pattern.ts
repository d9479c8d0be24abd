/** One piece of a Sigma string: literal text, `*` or `?`. */
export type PatternPart = string | typeof anyText | typeof oneCharacter
export const anyText = Symbol('*')
export const oneCharacter = Symbol('?')
export type Pattern = PatternPart[]

/**
 * Reads a Sigma string (specification 2.1.0, "Escaping"): `*` and `?` are wildcards, a backslash escapes them and
 * itself, and is itself before anything else. Escapes are resolved exactly once, here.
 */
export function parsePattern(text: string): Pattern {
  const parts: Pattern = []
  let literal = ''
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!
    if (character === '\\') {
      const next = text[i + 1]
      if (next === '\\' || next === '*' || next === '?') {
        literal += next
        i++
      } else {
        literal += character
      }
    } else if (character === '*' || character === '?') {
      if (literal !== '') parts.push(literal)
      literal = ''
      if (character === '?') parts.push(oneCharacter)
      else if (parts.at(-1) !== anyText) parts.push(anyText)
    } else {
      literal += character
    }
  }
  if (literal !== '') parts.push(literal)
  return parts
}

/** The text of a pattern without wildcards, or undefined when it has any. */
export function literalText(pattern: Pattern): string | undefined {
  if (pattern.length === 0) return ''
  return pattern.length === 1 && typeof pattern[0] === 'string' ? pattern[0] : undefined
}

/** Joins neighbouring literals and drops doubled `*`. */
export function joinParts(parts: Pattern): Pattern {
  const out: Pattern = []
  for (const part of parts) {
    const last = out.at(-1)
    if (typeof part === 'string') {
      if (part === '') continue
      if (typeof last === 'string') out[out.length - 1] = last + part
      else out.push(part)
    } else if (part !== anyText || last !== anyText) out.push(part)
  }
  return out
}

/**
 * Case as Sigma compares it: Unicode lower-casing on both sides, no folding and no normalisation, so that look-alikes
 * stay distinct. This is the form of needles; values are merely lower-cased (`toLowerCase`), and the one letter whose lower case
 * depends on its neighbours, the Greek sigma, is levelled by `levelSigma` where a needle holds it.
 */
export function lowerCase(needle: string): string {
  return levelSigma(needle.toLowerCase())
}

/** The final sigma as any other. */
export function levelSigma(lower: string): string {
  return lower.replaceAll('ς', 'σ')
}

/** True when values must be levelled before they are compared with the needle. */
export function hasSigma(needle: string): boolean {
  return needle.includes('σ')
}

/** True when the whole of `text` matches the pattern; `?` is one code point, both wildcards match line breaks. */
export function matchPattern(pattern: Pattern, text: string): boolean {
  const segments: PatternPart[][] = [[]]
  for (const part of pattern) {
    if (part === anyText) segments.push([])
    else segments.at(-1)!.push(part)
  }
  const first = segments[0]!
  if (segments.length === 1) return endOfMatch(first, text, 0) === text.length
  let position = endOfMatch(first, text, 0)
  if (position < 0) return false
  for (let i = 1; i < segments.length - 1; i++) {
    position = search(segments[i]!, text, position)
    if (position < 0) return false
  }
  return endsWithSegment(segments.at(-1)!, text, position)
}

/**
 * Where a pattern that matches `text` as a whole shows in it: from its first to its last literal or `?`, wildcards at its
 * ends left out. Undefined when it does not match.
 */
export function findPattern(pattern: Pattern, text: string): { from: number; to: number } | undefined {
  if (!matchPattern(pattern, text)) return undefined
  const starts = pattern[0] === anyText
  const ends = pattern.at(-1) === anyText
  const segments: PatternPart[][] = [[]]
  for (const part of pattern.slice(starts ? 1 : 0, ends ? -1 : undefined)) {
    if (part === anyText) segments.push([])
    else segments.at(-1)!.push(part)
  }
  let from = 0
  let to = 0
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1
    to = index === 0 && !starts ? endOfMatch(segment, text, 0) : search(segment, text, to)
    if (index === 0 && starts) from = startOf(segment, text, to)
    if (isLast && !ends) {
      if (index === 0 && starts) from = startOf(segment, text, text.length)
      to = text.length
    }
  }
  return { from, to }
}

/** Where the segment begins that ends at `end`. */
function startOf(segment: PatternPart[], text: string, end: number): number {
  let start = end
  for (let i = segment.length - 1; i >= 0; i--) {
    const part = segment[i]!
    start -= typeof part === 'string' ? part.length : insidePair(text, start - 1) ? 2 : 1
  }
  return start
}

/** Where the segment ends when matched at `position`, or -1. */
function endOfMatch(segment: PatternPart[], text: string, position: number): number {
  for (const part of segment) {
    if (typeof part === 'string') {
      if (!text.startsWith(part, position)) return -1
      position += part.length
    } else {
      if (position >= text.length) return -1
      position += text.codePointAt(position)! > 0xffff ? 2 : 1
    }
  }
  return position
}

/** End of the leftmost match of the segment at or after `from`, or -1. */
function search(segment: PatternPart[], text: string, from: number): number {
  if (segment.length === 0) return from
  const first = segment[0]!
  for (let start = from; start <= text.length; start++) {
    if (typeof first === 'string') {
      start = text.indexOf(first, start)
      if (start < 0) return -1
    } else if (insidePair(text, start)) continue
    const end = endOfMatch(segment, text, start)
    if (end >= 0) return end
  }
  return -1
}

function endsWithSegment(segment: PatternPart[], text: string, from: number): boolean {
  let least = 0
  let most = 0
  for (const part of segment) {
    least += typeof part === 'string' ? part.length : 1
    most += typeof part === 'string' ? part.length : 2
  }
  for (let start = Math.max(from, text.length - most); start <= text.length - least; start++) {
    if (typeof segment[0] !== 'string' && segment.length > 0 && insidePair(text, start)) continue
    if (endOfMatch(segment, text, start) === text.length) return true
  }
  return false
}

/** True between the two halves of a surrogate pair. */
function insidePair(text: string, position: number): boolean {
  if (position === 0 || position >= text.length) return false
  const low = text.charCodeAt(position)
  const high = text.charCodeAt(position - 1)
  return low >= 0xdc00 && low <= 0xdfff && high >= 0xd800 && high <= 0xdbff
}
