import { lowerCase } from './pattern.ts'
import type { RegexFlags } from './predicate.ts'

/**
 * Lower-cased texts of which every match of a regular expression contains at least one, or undefined when nothing is
 * certain. Errs on the side of undefined: an expression it does not understand has no literals.
 */
export function requiredLiterals(pattern: string, flags: RegexFlags): string[] | undefined {
  const parser = new Parser(pattern, flags.ignoreCase)
  const found = parser.alternation()
  if (parser.failed || parser.at < pattern.length) return undefined
  return best(found)
}

const alternativesLimit = 64

/** What is known of a piece: its exact texts (while few), or texts one of which it must contain. */
interface Piece {
  /** The piece is exactly one of these. */
  exact?: string[]
  /** Every match contains one of these. */
  required?: string[]
}

class Parser {
  at = 0
  failed = false
  private readonly pattern: string
  private readonly ignoreCase: boolean

  constructor(pattern: string, ignoreCase: boolean) {
    this.pattern = pattern
    this.ignoreCase = ignoreCase
  }

  alternation(): Piece {
    const branches = [this.sequence()]
    while (this.pattern[this.at] === '|') {
      this.at++
      branches.push(this.sequence())
    }
    if (branches.length === 1) return branches[0]!
    if (branches.every((branch) => branch.exact)) {
      const exact = branches.flatMap((branch) => branch.exact!)
      if (exact.length <= alternativesLimit) return { exact }
    }
    const all = branches.map(best)
    if (!all.every((texts) => texts !== undefined)) return {}
    const required = all.flat()
    return required.length <= alternativesLimit ? { required } : {}
  }

  private sequence(): Piece {
    let run: string[] = ['']
    let whole = true
    const candidates: string[][] = []
    const close = () => {
      candidates.push(run)
      run = ['']
      whole = false
    }
    while (this.at < this.pattern.length && !this.failed) {
      const character = this.pattern[this.at]!
      if (character === '|' || character === ')') break
      const piece = this.quantified()
      if (piece.exact && piece.exact.length * run.length <= alternativesLimit) {
        const { exact } = piece
        run = run.flatMap((head) => exact.map((tail) => head + tail))
      } else {
        close()
        const texts = best(piece)
        if (texts) candidates.push(texts)
      }
    }
    if (whole) return { exact: run }
    candidates.push(run)
    const required = bestOf(candidates)
    return required ? { required } : {}
  }

  private quantified(): Piece {
    const piece = this.atom()
    let minimum = 1
    let once = true
    for (;;) {
      const character = this.pattern[this.at]
      if (character === '*' || character === '?') {
        minimum = 0
        this.at++
      } else if (character === '+') this.at++
      else if (character === '{') {
        const counts = /^\{(\d+)(,\d*)?\}/.exec(this.pattern.slice(this.at))
        // A brace that counts nothing is itself.
        if (!counts) break
        minimum = Math.min(minimum, Number(counts[1]))
        this.at += counts[0].length
      } else break
      once = false
    }
    if (once) return piece
    if (minimum === 0) return {}
    const required = best(piece)
    return required ? { required } : {}
  }

  private atom(): Piece {
    const character = this.pattern[this.at++]!
    switch (character) {
      case '.':
        return {}
      case '^':
      case '$':
        return { exact: [''] }
      case '(':
        return this.group()
      case '[':
        return this.characterClass()
      case '\\':
        return this.escape()
      default:
        return this.literal(character)
    }
  }

  private group(): Piece {
    if (this.pattern[this.at] === '?') {
      const head = /^\?(?::|P?<\w+>)/.exec(this.pattern.slice(this.at))
      if (!head) return this.fail()
      this.at += head[0].length
    }
    const inner = this.alternation()
    if (this.pattern[this.at] !== ')') return this.fail()
    this.at++
    return inner
  }

  private characterClass(): Piece {
    if (this.pattern[this.at] === '^') this.at++
    if (this.pattern[this.at] === ']') this.at++
    while (this.at < this.pattern.length && this.pattern[this.at] !== ']') {
      if (this.pattern[this.at] === '\\') this.at++
      else if (this.pattern.startsWith('[:', this.at)) {
        const end = this.pattern.indexOf(':]', this.at)
        if (end < 0) return this.fail()
        this.at = end + 1
      }
      this.at++
    }
    if (this.at >= this.pattern.length) return this.fail()
    this.at++
    return {}
  }

  private escape(): Piece {
    const character = this.pattern[this.at++]
    if (character === undefined) return this.fail()
    if (/[bBAz]/.test(character)) return { exact: [''] }
    if (/[dDsSwW]/.test(character)) return {}
    const control: Record<string, string> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v' }
    if (control[character] !== undefined) return { exact: [control[character]] }
    return /[A-Za-z0-9]/.test(character) ? this.fail() : this.literal(character)
  }

  private literal(character: string): Piece {
    // Case folding of RE2 knows more partners of s and k than lower-casing does (U+017F, U+212A).
    if (this.ignoreCase && /[sSkK]/.test(character)) return {}
    // A half of a surrogate pair, or a letter whose lower case depends on its neighbours: no help.
    const lower = lowerCase(character)
    return lower.length === 1 && !/[\ud800-\udfff\u0130σς]/.test(lower) ? { exact: [lower] } : {}
  }

  private fail(): Piece {
    this.failed = true
    this.at = this.pattern.length
    return {}
  }
}

function best({ exact, required }: Piece): string[] | undefined {
  return bestOf([exact ?? [], required ?? []])
}

/** The list whose shortest text is longest; lists with an empty text say nothing. */
function bestOf(lists: string[][]): string[] | undefined {
  let chosen: string[] | undefined
  let chosenLength = 0
  for (const list of lists) {
    if (list.length === 0) continue
    const shortest = Math.min(...list.map((text) => text.length))
    if (shortest > chosenLength) {
      chosen = list
      chosenLength = shortest
    }
  }
  return chosen
}
