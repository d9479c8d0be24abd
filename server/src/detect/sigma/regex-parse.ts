import type { RegexFlags } from './predicate.ts'

/** Code points `from` to `to`, both included. */
export type CodeRange = [from: number, to: number]

export type Assertion = 'textBegin' | 'textEnd' | 'lineBegin' | 'lineEnd' | 'word' | 'notWord'

export type RegexNode =
  | { kind: 'set'; ranges: CodeRange[] }
  | { kind: 'sequence' | 'alternation'; children: RegexNode[] }
  | { kind: 'repeat'; child: RegexNode; least: number; most: number }
  | { kind: 'assert'; assertion: Assertion }

const lastCodePoint = 0x10ffff
const newline = 10
const digits: CodeRange[] = [[48, 57]]
export const wordRanges: readonly CodeRange[] = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
]
const spaces: CodeRange[] = [
  [9, 10],
  [12, 13],
  [32, 32],
]

/**
 * Parses the part of RE2's syntax that rules use: characters, classes, groups, alternation, repeats, anchors, `\b`, and the
 * flags i, m, s. Undefined for anything else; such an expression is left to the general engine.
 */
export function parseRegex(pattern: string, flags: RegexFlags): RegexNode | undefined {
  const parser = new Parser([...pattern].map((character) => character.codePointAt(0)!))
  try {
    const node = parser.alternation(flags)
    return parser.at === parser.codes.length ? node : undefined
  } catch (error) {
    if (error === unsupported) return undefined
    throw error
  }
}

const unsupported = new RangeError('not in the subset')
const code = (character: string) => character.charCodeAt(0)

class Parser {
  at = 0
  readonly codes: number[]

  constructor(codes: number[]) {
    this.codes = codes
  }

  private peek(character: string): boolean {
    return this.codes[this.at] === code(character)
  }

  private take(character: string): boolean {
    if (!this.peek(character)) return false
    this.at++
    return true
  }

  private rest(length: number): string {
    return String.fromCodePoint(...this.codes.slice(this.at, this.at + length))
  }

  alternation(flags: RegexFlags): RegexNode {
    const own = { ...flags }
    const children = [this.sequence(own)]
    while (this.take('|')) children.push(this.sequence(own))
    if (children.length === 1) return children[0]!
    // One of several characters is a set.
    if (children.every((child) => child.kind === 'set'))
      return { kind: 'set', ranges: children.flatMap(({ ranges }) => ranges) }
    return { kind: 'alternation', children }
  }

  private sequence(flags: RegexFlags): RegexNode {
    const children: RegexNode[] = []
    while (this.at < this.codes.length && !this.peek('|') && !this.peek(')')) {
      const node = this.atom(flags)
      if (node) children.push(this.repeated(node))
    }
    return children.length === 1 ? children[0]! : { kind: 'sequence', children }
  }

  private repeated(child: RegexNode): RegexNode {
    let node = child
    for (;;) {
      let least: number
      let most: number
      if (this.take('*')) [least, most] = [0, Number.POSITIVE_INFINITY]
      else if (this.take('+')) [least, most] = [1, Number.POSITIVE_INFINITY]
      else if (this.take('?')) [least, most] = [0, 1]
      else {
        const counts = this.peek('{') ? /^\{(\d+)(,(\d*))?\}/.exec(this.rest(16)) : null
        if (!counts) return node
        this.at += counts[0].length
        least = Number(counts[1])
        most = counts[2] === undefined ? least : counts[3] === '' ? Number.POSITIVE_INFINITY : Number(counts[3])
      }
      // Lazy or greedy: the same texts match.
      this.take('?')
      node = { kind: 'repeat', child: node, least, most }
    }
  }

  /** Undefined for what matches nothing by itself: a change of flags. */
  private atom(flags: RegexFlags): RegexNode | undefined {
    const point = this.codes[this.at++]!
    switch (point) {
      case code('.'):
        return { kind: 'set', ranges: flags.dotAll ? [[0, lastCodePoint]] : negated([[newline, newline]]) }
      case code('^'):
        return { kind: 'assert', assertion: flags.multiline ? 'lineBegin' : 'textBegin' }
      case code('$'):
        return { kind: 'assert', assertion: flags.multiline ? 'lineEnd' : 'textEnd' }
      case code('('):
        return this.group(flags)
      case code('['):
        return this.characterClass(flags)
      case code('\\'):
        return this.escape(flags)
      case code('*'):
      case code('+'):
      case code('?'):
        throw unsupported
      default:
        return { kind: 'set', ranges: folded([[point, point]], flags) }
    }
  }

  private group(flags: RegexFlags): RegexNode | undefined {
    let own = flags
    if (this.peek('?')) {
      const head = /^\?(?:(?:P?<\w+>)|(-?[ims]*(?:-[ims]+)?)([:)]))/.exec(this.rest(64))
      if (!head) throw unsupported
      this.at += head[0].length
      if (head[1] !== undefined) {
        own = changed(flags, head[1])
        if (head[2] === ')') {
          Object.assign(flags, own)
          return undefined
        }
      }
    }
    const node = this.alternation(own)
    if (!this.take(')')) throw unsupported
    return node
  }

  private characterClass(flags: RegexFlags): RegexNode {
    const isNegated = this.take('^')
    const ranges: CodeRange[] = []
    for (let first = true; first || !this.peek(']'); first = false) {
      if (this.at >= this.codes.length || this.rest(2) === '[:') throw unsupported
      const low = this.member(ranges, flags)
      if (low === undefined) continue
      if (this.peek('-') && this.codes[this.at + 1] !== code(']')) {
        this.at++
        const high = this.member(ranges, flags)
        if (high === undefined || high < low) throw unsupported
        ranges.push([low, high])
      } else ranges.push([low, low])
    }
    this.at++
    const set = folded(ranges, flags)
    return { kind: 'set', ranges: isNegated ? negated(set) : set }
  }

  /** One character of a class, or undefined when it was a class escape and went into `ranges`. */
  private member(ranges: CodeRange[], flags: RegexFlags): number | undefined {
    const point = this.codes[this.at++]
    if (point === undefined) throw unsupported
    if (point !== code('\\')) return point
    const escaped = this.codes[this.at++]
    const set = escaped === undefined ? undefined : classEscape(escaped, flags)
    if (!set) return this.single(escaped)
    ranges.push(...set)
    return undefined
  }

  private escape(flags: RegexFlags): RegexNode {
    const point = this.codes[this.at++]
    if (point === code('b')) return { kind: 'assert', assertion: 'word' }
    if (point === code('B')) return { kind: 'assert', assertion: 'notWord' }
    if (point === code('A')) return { kind: 'assert', assertion: 'textBegin' }
    if (point === code('z')) return { kind: 'assert', assertion: 'textEnd' }
    const set = point === undefined ? undefined : classEscape(point, flags)
    if (set) return { kind: 'set', ranges: set }
    const single = this.single(point)
    return { kind: 'set', ranges: folded([[single, single]], flags) }
  }

  private single(point: number | undefined): number {
    if (point === undefined || point > 127) throw unsupported
    const character = String.fromCharCode(point)
    const control = { n: 10, r: 13, t: 9, f: 12, v: 11, a: 7 }[character]
    if (control !== undefined) return control
    if (character === 'x') {
      const hex = /^(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,6})\})/.exec(this.rest(8))
      if (!hex) throw unsupported
      this.at += hex[0].length
      return Number.parseInt(hex[1] ?? hex[2]!, 16)
    }
    if (/[A-Za-z0-9]/.test(character)) throw unsupported
    return point
  }
}

function changed(flags: RegexFlags, letters: string): RegexFlags {
  const own = { ...flags }
  let on = true
  for (const letter of letters) {
    if (letter === '-') on = false
    else own[letter === 'i' ? 'ignoreCase' : letter === 'm' ? 'multiline' : 'dotAll'] = on
  }
  return own
}

function classEscape(point: number, flags: RegexFlags): CodeRange[] | undefined {
  switch (String.fromCharCode(point)) {
    case 'd':
      return digits
    case 'D':
      return negated(digits)
    case 's':
      return spaces
    case 'S':
      return negated(spaces)
    case 'w':
      return folded([...wordRanges], flags)
    case 'W':
      return negated(folded([...wordRanges], flags))
    default:
      return undefined
  }
}

function negated(ranges: readonly CodeRange[]): CodeRange[] {
  const out: CodeRange[] = []
  let from = 0
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (low > from) out.push([from, low - 1])
    from = Math.max(from, high + 1)
  }
  if (from <= lastCodePoint) out.push([from, lastCodePoint])
  return out
}

/** Both cases of ASCII letters, with the two letters beyond that RE2 folds into them; other letters are left to the general engine. */
function folded(ranges: CodeRange[], { ignoreCase }: RegexFlags): CodeRange[] {
  if (!ignoreCase) return ranges
  const out = [...ranges]
  for (const [low, high] of ranges) {
    if (high > 127) {
      // A range that reaches over everything beyond ASCII folds into itself.
      if (!(low <= 128 && high === lastCodePoint)) throw unsupported
    }
    for (let point = Math.max(low, 65); point <= Math.min(high, 122); point++) {
      const upper = point <= 90
      if (!upper && point < 97) continue
      out.push([point ^ 32, point ^ 32])
      if ((point | 32) === 115) out.push([0x17f, 0x17f])
      if ((point | 32) === 107) out.push([0x212a, 0x212a])
    }
  }
  return out
}
