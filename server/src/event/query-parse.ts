import { envelopeFields, fieldType } from './catalogue.ts'
import { type Bound, type Pattern, type PatternPart, type Query, queryLimits } from './query.ts'
import { queryInvalid } from './query-problem.ts'
import { suggestFields } from './query-suggest.ts'
import { boundOf, matchOf } from './query-value.ts'

/**
 * Reads a query in the style of KQL and Lucene:
 * `field:value`, `field:"a phrase"`, `field:wild*card`, `field:*` (has it), `field:(a or b)`, `field >= 5`,
 * `field:[1 TO 5}`, `source.ip:10.0.0.0/8`, words and "phrases" over the whole record, `and`, `or`, `not` in any case,
 * `&&`, `||`, `!`, `-`, parentheses; two terms side by side mean `and`. `\` takes the sign after it as it is.
 * Full-width colon, parentheses and quotes mean the same as their ASCII twins.
 * Throws QUERY_INVALID with position, length and suggestions.
 */
export function parseQuery(text: string): Query {
  if (text.length > queryLimits.characters) {
    throw queryInvalid('too_long', queryLimits.characters, text.length, { limit: queryLimits.characters })
  }
  return new Parser(text).parse()
}

const space = /\s/u
const fieldName = /[@\p{L}_][\p{L}\p{N}_@.-]*/uy
const fieldOperator = /\s*(:|：|>=|<=|>|<)\s*/uy
const comparison = /\s*(>=|<=|>|<)\s*/uy
const keyword = /(and|or|not|to)(?=$|[\s()（）"“”])/iuy
const ends = new Set(['(', ')', '（', '）', '"', '“', '”'])

interface Place {
  name: string
  at: number
}

class Parser {
  readonly #text: string
  #at = 0
  #depth = 0
  #terms = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): Query {
    this.#skipSpace()
    if (this.#done()) return { kind: 'all' }
    const query = this.#or(undefined)
    if (!this.#done()) throw queryInvalid('parenthesis_not_opened', this.#at, 1)
    return query
  }

  /** `field` is set inside `field:( … )`: bare values then belong to it. */
  #or(field: Place | undefined): Query {
    const items = [this.#and(field)]
    while (this.#word('or') || this.#sign('||')) items.push(this.#and(field))
    return joined('or', items)
  }

  #and(field: Place | undefined): Query {
    const items = [this.#not(field)]
    for (;;) {
      if (this.#word('and') || this.#sign('&&')) items.push(this.#not(field))
      else if (this.#done() || this.#peeks(')', '）') || this.#peeksWord('or') || this.#text.startsWith('||', this.#at))
        break
      else items.push(this.#not(field))
    }
    return joined('and', items)
  }

  #not(field: Place | undefined): Query {
    const start = this.#at
    if (++this.#depth > queryLimits.depth) {
      throw queryInvalid('too_deep', start, 1, { limit: queryLimits.depth })
    }
    try {
      if (this.#word('not') || this.#prefix('-') || this.#prefix('!')) return { kind: 'not', item: this.#not(field) }
      this.#prefix('+')
      return this.#primary(field)
    } finally {
      this.#depth--
    }
  }

  #primary(field: Place | undefined): Query {
    const start = this.#at
    if (this.#peeks('(', '（')) {
      this.#at++
      this.#skipSpace()
      const inner = this.#or(field)
      if (!this.#peeks(')', '）')) throw queryInvalid('parenthesis_not_closed', start, 1)
      this.#at++
      this.#skipSpace()
      return inner
    }
    if (++this.#terms > queryLimits.terms) {
      throw queryInvalid('too_many_terms', start, this.#text.length - start, { limit: queryLimits.terms })
    }
    if (field) return this.#value(field)
    const named = this.#fieldAndOperator()
    if (named) return this.#clause(named.field, named.operator)
    const pattern = this.#pattern('')
    return isAnything(pattern) ? { kind: 'all' } : { kind: 'text', pattern }
  }

  #fieldAndOperator(): { field: Place; operator: string } | undefined {
    const at = this.#at
    const name = this.#match(fieldName)?.[0]
    const operator = name === undefined ? undefined : this.#match(fieldOperator)?.[1]
    if (name === undefined || operator === undefined) {
      this.#at = at
      return undefined
    }
    return { field: { name, at }, operator: operator === '：' ? ':' : operator }
  }

  #clause(field: Place, operator: string): Query {
    if (field.name === '_exists_') return this.#existsClause()
    if (!isQueryField(field.name)) {
      throw unknownField(field)
    }
    if (operator !== ':') return this.#compare(field, operator)
    if (this.#peeks('(', '（')) return this.#primary(field)
    return this.#value(field)
  }

  #existsClause(): Query {
    const at = this.#at
    const name = this.#match(fieldName)?.[0] ?? ''
    if (!isQueryField(name)) throw unknownField({ name, at })
    this.#skipSpace()
    return { kind: 'exists', field: name }
  }

  #value(field: Place): Query {
    const operator = this.#match(comparison)?.[1]
    if (operator) return this.#compare(field, operator)
    if (this.#peeks('[', '{')) return this.#range(field)
    const at = this.#at
    const isQuoted = this.#peeks('"', '“', '”')
    const pattern = this.#pattern('')
    if (!isQuoted && isAnything(pattern)) return { kind: 'exists', field: field.name }
    return matchOf(field.name, pattern, at, this.#at - at)
  }

  #compare(field: Place, operator: string): Query {
    const bound: Bound = { value: this.#boundText(field, ''), inclusive: operator.endsWith('=') }
    return { kind: 'range', field: field.name, ...(operator.startsWith('>') ? { low: bound } : { high: bound }) }
  }

  #range(field: Place): Query {
    const start = this.#at
    const lowInclusive = this.#text[this.#at++] === '['
    this.#skipSpace()
    const low = this.#rangeEnd(field)
    if (!this.#word('to')) throw queryInvalid('range_form', start, this.#at - start)
    const high = this.#rangeEnd(field)
    const close = this.#text[this.#at]
    if (close !== ']' && close !== '}') throw queryInvalid('range_not_closed', start, 1)
    this.#at++
    this.#skipSpace()
    if (low === undefined && high === undefined) return { kind: 'exists', field: field.name }
    return {
      kind: 'range',
      field: field.name,
      ...(low === undefined ? {} : { low: { value: low, inclusive: lowInclusive } }),
      ...(high === undefined ? {} : { high: { value: high, inclusive: close === ']' } }),
    }
  }

  /** Undefined for `*`: open on this side. */
  #rangeEnd(field: Place): string | undefined {
    if (this.#text[this.#at] === '*') {
      this.#at++
      this.#skipSpace()
      return undefined
    }
    return this.#boundText(field, ']}')
  }

  #boundText(field: Place, stops: string): string {
    const at = this.#at
    const pattern = this.#pattern(stops)
    return boundOf(field.name, pattern, at, this.#at - at)
  }

  /** A quoted phrase or a bare word with wildcards. Throws when there is neither. */
  #pattern(stops: string): Pattern {
    const start = this.#at
    for (const word of ['and', 'or', 'not']) {
      if (this.#peeksWord(word)) throw queryInvalid('missing_before_word', start, word.length, { word })
    }
    const pattern = this.#peeks('"', '“', '”') ? this.#quoted() : this.#bare(stops)
    if (this.#at === start) {
      const found = this.#text[start]
      throw found === undefined
        ? queryInvalid('missing_at_end', start, 1)
        : queryInvalid('missing_before', start, 1, { found })
    }
    this.#skipSpace()
    return pattern
  }

  #quoted(): Pattern {
    const start = this.#at
    let text = ''
    for (this.#at++; ; this.#at++) {
      const character = this.#text[this.#at]
      if (character === undefined) throw queryInvalid('quotation_not_closed', start, 1)
      if (character === '"' || character === '“' || character === '”') break
      const following = this.#text[this.#at + 1]
      if (character === '\\' && (following === '\\' || isQuote(following))) {
        text += following
        this.#at++
      } else text += character
    }
    this.#at++
    return text === '' ? [] : [{ kind: 'literal', text }]
  }

  #bare(stops: string): Pattern {
    const parts: PatternPart[] = []
    let text = ''
    const flush = () => {
      if (text !== '') parts.push({ kind: 'literal', text })
      text = ''
    }
    for (; !this.#done(); this.#at++) {
      const character = this.#text[this.#at]!
      if (space.test(character) || ends.has(character) || stops.includes(character)) break
      if (character === '\\') text += this.#escape()
      else if (character === '*' || character === '?') {
        flush()
        const kind = character === '*' ? 'any' : 'one'
        if (kind === 'one' || parts.at(-1)?.kind !== 'any') parts.push({ kind })
      } else text += character
    }
    flush()
    return parts
  }

  /** A backslash before a letter or digit is a backslash (`C:\Windows`); before any other sign it takes that sign as it is. */
  #escape(): string {
    const code = this.#text.codePointAt(this.#at + 1)
    if (code === undefined) return '\\'
    const following = String.fromCodePoint(code)
    if (/[\p{L}\p{N}]/u.test(following)) return '\\'
    this.#at += following.length
    return following
  }

  #word(word: string): boolean {
    if (!this.#peeksWord(word)) return false
    const start = this.#at
    this.#at += word.length
    this.#skipSpace()
    if (word !== 'to' && this.#done()) throw queryInvalid('missing_after', start, word.length, { word })
    return true
  }

  #peeksWord(word: string): boolean {
    keyword.lastIndex = this.#at
    return keyword.exec(this.#text)?.[1]?.toLowerCase() === word
  }

  #sign(sign: string): boolean {
    if (!this.#text.startsWith(sign, this.#at)) return false
    this.#at += sign.length
    this.#skipSpace()
    return true
  }

  /** `-term`, `!term`, `+term`: only directly before something. */
  #prefix(sign: string): boolean {
    const following = this.#text[this.#at + 1]
    if (this.#text[this.#at] !== sign || following === undefined || space.test(following)) return false
    this.#at++
    return true
  }

  #peeks(...signs: string[]): boolean {
    const character = this.#text[this.#at]
    return character !== undefined && signs.includes(character)
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (!found) return undefined
    this.#at = pattern.lastIndex
    return found
  }

  #skipSpace(): void {
    while (!this.#done() && space.test(this.#text[this.#at]!)) this.#at++
  }

  #done(): boolean {
    return this.#at >= this.#text.length
  }
}

function unknownField({ name, at }: Place): Error {
  const suggestions = suggestFields(name)
  const [meant] = suggestions
  if (meant === undefined) return queryInvalid('unknown_field', at, name.length, { field: name })
  return queryInvalid('unknown_field_meant', at, name.length, { field: name, meant }, suggestions)
}

/** A field that a query may name: any of the catalogue, and those that stand beside the fields of an event. */
function isQueryField(name: string): boolean {
  return envelopeFields.has(name) || fieldType(name) !== undefined
}

function isAnything(pattern: Pattern): boolean {
  return pattern.length === 1 && pattern[0]?.kind === 'any'
}

function isQuote(character: string | undefined): boolean {
  return character === '"' || character === '“' || character === '”'
}

/** One item stands for itself; items of the same kind are taken in. */
function joined(kind: 'and' | 'or', items: Query[]): Query {
  const flat = items.flatMap((item) => (item.kind === kind ? item.items : [item]))
  return flat.length === 1 ? flat[0]! : { kind, items: flat }
}
