import { isInRange } from './addresses.ts'
import type { BufferName, ContentPart, Part, PatternPart } from './rule.ts'

/** Bytes a part is looked for in, with what is made of them once for all rules. */
export class Text {
  readonly bytes: Buffer
  private folded: Buffer | undefined
  private latin: string | undefined

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /** ASCII letters in lower case. */
  get lower(): Buffer {
    this.folded ??= foldCase(this.bytes)
    return this.folded
  }

  /** One character an octet, for expressions. */
  get text(): string {
    this.latin ??= this.bytes.toString('latin1')
    return this.latin
  }
}

export function foldCase(bytes: Buffer): Buffer {
  const folded = Buffer.from(bytes)
  for (let at = 0; at < folded.length; at++) {
    const octet = folded[at]!
    if (octet >= 65 && octet <= 90) folded[at] = octet + 32
  }
  return folded
}

/** Steps after which a search is given up, so that no rule and no bytes make it endless; such a rule does not match. */
const stepsLimit = 50_000

/**
 * True when all parts hold in these bytes, in their order: where a part is relative to the one before, every place of that one
 * is tried (as Suricata's content inspection does).
 */
export function partsMatch(parts: readonly Part[], text: Text): boolean {
  let steps = 0
  const from = (index: number, previousEnd: number): boolean => {
    if (++steps > stepsLimit) return false
    const part = parts[index]
    if (!part) return true
    switch (part.kind) {
      case 'bsize':
        return isInRange(text.bytes.length, part.range) && from(index + 1, previousEnd)
      case 'isdataat': {
        const base = part.isRelative ? previousEnd : 0
        return base + part.at < text.bytes.length !== part.isNegated && from(index + 1, previousEnd)
      }
      case 'pcre':
        return pattern(part, index, previousEnd)
      case 'content':
        return content(part, index, previousEnd)
    }
  }

  const content = (part: ContentPart, index: number, previousEnd: number): boolean => {
    const { bytes, isCaseless, isNegated } = part
    const [start, end] = rangeOf(part, previousEnd, text.bytes.length)
    const haystack = isCaseless ? text.lower : text.bytes
    const needle = isCaseless ? foldCase(bytes) : bytes
    if (part.isAtEnd) {
      const at = haystack.length - needle.length
      const isThere = at >= start && at + needle.length <= end && haystack.subarray(at).equals(needle)
      if (isNegated) return !isThere && from(index + 1, previousEnd)
      return isThere && from(index + 1, at + needle.length)
    }
    for (let at = start; ; at++) {
      at = at > end ? -1 : haystack.indexOf(needle, at)
      const isThere = at >= 0 && at + needle.length <= end
      if (isNegated) return !isThere && from(index + 1, previousEnd)
      if (!isThere) return false
      if (from(index + 1, at + needle.length)) return true
      if (++steps > stepsLimit) return false
    }
  }

  const pattern = (part: PatternPart, index: number, previousEnd: number): boolean => {
    // Relative: the expression sees what follows, so that `^` stands for its beginning.
    const base = part.isRelative ? previousEnd : 0
    const matcher = part.pattern.matcher(base === 0 ? text.text : text.text.slice(base))
    if (part.isNegated) return !matcher.find() && from(index + 1, previousEnd)
    while (matcher.find()) {
      if (from(index + 1, base + matcher.end())) return true
      if (++steps > stepsLimit) return false
    }
    return false
  }

  return from(0, 0)
}

/** Where a content may begin, and where it must have ended. */
function rangeOf(part: ContentPart, previousEnd: number, length: number): [start: number, end: number] {
  const { offset, depth, distance, within, isAtStart, bytes } = part
  if (isAtStart) return [0, Math.min(length, bytes.length)]
  if (distance !== undefined || within !== undefined) {
    const start = previousEnd + (distance ?? 0)
    const end = within === undefined ? length : start + within
    return [Math.max(0, start), Math.min(length, end)]
  }
  const start = offset ?? 0
  return [start, depth === undefined ? length : Math.min(length, start + depth)]
}

/** The longest content that must be there for a rule to match, by which most rules are ruled out at once. */
export function surestContent(parts: readonly Part[], buffer: BufferName): ContentPart | undefined {
  let best: ContentPart | undefined
  for (const part of parts) {
    if (part.kind !== 'content' || part.isNegated || part.buffer !== buffer) continue
    if (!best || part.bytes.length > best.bytes.length) best = part
  }
  return best
}
