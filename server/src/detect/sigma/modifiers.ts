import { parseNetwork } from './network.ts'
import { anyText, joinParts, literalText, lowerCase, type Pattern, type PatternPart, parsePattern } from './pattern.ts'
import type {
  CompareOperator,
  DatePart,
  Expression,
  FieldTest,
  Predicate,
  RegexFlags,
  TextOperator,
} from './predicate.ts'
import { RuleRefused } from './refusal.ts'
import { compileRegex } from './regex.ts'
import { NumericScalar, type YamlPath, type YamlValue } from './yaml.ts'

export interface ModifierOptions {
  /** Values for `%name%` under the `expand` modifier. A rule that names another is refused. */
  placeholders: ReadonlyMap<string, readonly string[]>
  /** Notes of things that work but are probably not meant. */
  warn(message: string, path: YamlPath): void
  /** Told of every field that an item names. */
  seeField?(field: string, path: YamlPath): void
}

/** Alternatives one value may grow into (windash, expand); beyond it the rule is refused. */
const alternativesLimit = 20_000
const regexLengthLimit = 8192

/** A value on its way through the modifiers. */
type Value =
  | { kind: 'text'; pattern: Pattern /** As written, for numbers and `re`. */; raw: string; number?: number }
  | { kind: 'bytes'; bytes: Buffer }
  | { kind: 'regex'; pattern: string }
  | { kind: 'boolean'; boolean: boolean }
  | { kind: 'null' }
  | { kind: 'cidr'; text: string }
  | { kind: 'field'; field: string }

interface State {
  alternatives: Value[]
}

const textOperators: Record<string, TextOperator> = {
  contains: 'contains',
  startswith: 'startswith',
  endswith: 'endswith',
}
const compareOperators = new Set(['lt', 'lte', 'gt', 'gte'])
const dateParts = new Set(['minute', 'hour', 'day', 'week', 'month', 'year'])
const regexFlagNames: Record<string, keyof RegexFlags> = {
  i: 'ignoreCase', ignorecase: 'ignoreCase', m: 'multiline', multiline: 'multiline', s: 'dotAll', dotall: 'dotAll',
} // biome-ignore format: a table
const encodings = new Set(['wide', 'utf16le', 'utf16be', 'utf16'])
const windash = /(?<![\p{L}\p{N}_])[-/](?=[\p{L}\p{N}_])/gu
const dashes = ['-', '/', '–', '—', '―']

/**
 * Compiles one item of a detection map (`Field|modifier|…: value or list`) or a keyword list (`field` empty).
 * Modifiers apply from left to right. Throws RuleRefused.
 */
export function compileItem(key: string, value: YamlValue, path: YamlPath, options: ModifierOptions): Expression {
  const [field = '', ...modifiers] = key.split('|')
  const values = Array.isArray(value) ? value.flat(8) : [value]
  if (field !== '') options.seeField?.(field, path)
  const item = new Item(field === '' ? undefined : field, key, modifiers, path, options)
  if (Array.isArray(value) && values.length === 0) {
    if (field === '') throw new RuleRefused('value', 'An empty list of keywords can match nothing', path)
    return item.build([null])
  }
  if (Array.isArray(value) && values.includes(null)) {
    throw new RuleRefused('value', `null cannot stand in the list of \`${key}\``, path)
  }
  return item.build(values)
}

class Item {
  readonly field: string | undefined
  readonly label: string
  readonly modifiers: string[]
  readonly path: YamlPath
  readonly options: ModifierOptions
  operator: TextOperator = 'equals'
  compare: CompareOperator | undefined
  datePart: DatePart | undefined
  cased = false
  all = false
  negated = false
  exists = false
  flags: RegexFlags = { ignoreCase: false, multiline: false, dotAll: false }

  constructor(field: string | undefined, label: string, modifiers: string[], path: YamlPath, options: ModifierOptions) {
    this.field = field
    this.label = label
    this.modifiers = modifiers
    this.path = path
    this.options = options
  }

  refuse(message: string, reason: 'value' | 'modifier' | 'modifier-order' = 'value'): never {
    throw new RuleRefused(reason, `\`${this.label}\`: ${message}`, this.path)
  }

  build(values: YamlValue[]): Expression {
    let states = values.map((value): State => ({ alternatives: [this.read(value)] }))
    for (const [index, modifier] of this.modifiers.entries()) {
      states = this.apply(modifier, index, states)
    }
    if (this.all && states.length === 1) this.options.warn(`\`${this.label}\`: \`all\` over a single value`, this.path)
    const groups = states.map((state) => state.alternatives.flatMap((alternative) => this.finish(alternative)))
    const test = (predicates: Predicate[]): Expression => {
      const fieldTest: FieldTest = { field: this.field, predicates: distinct(predicates), label: this.label }
      return { kind: 'test', test: fieldTest }
    }
    let expression: Expression
    if (this.all && groups.length > 1) expression = { kind: 'and', children: groups.map(test) }
    else expression = test(groups.flat())
    return this.negated ? { kind: 'not', child: expression } : expression
  }

  read(value: YamlValue): Value {
    if (typeof value === 'string') return { kind: 'text', pattern: parsePattern(value), raw: value }
    if (value instanceof NumericScalar) {
      return {
        kind: 'text',
        pattern: value.source === '' ? [] : [value.source],
        raw: value.source,
        number: value.value,
      }
    }
    if (typeof value === 'boolean') return { kind: 'boolean', boolean: value }
    if (value === null) return { kind: 'null' }
    return this.refuse('a map cannot be the value of a field')
  }

  apply(modifier: string, index: number, states: State[]): State[] {
    const each = (change: (value: Value) => Value | Value[]): State[] => {
      return states.map((state) => {
        const alternatives = state.alternatives.flatMap(change)
        if (alternatives.length > alternativesLimit) {
          throw new RuleRefused(
            'limit',
            `\`${this.label}\`: one value grows into more than ${alternativesLimit}`,
            this.path,
          )
        }
        return { alternatives }
      })
    }
    const textOperator = textOperators[modifier]
    if (textOperator) {
      this.operator = textOperator
      return each((value) => (value.kind === 'null' ? this.refuse(`\`${modifier}\` needs a text`) : value))
    }
    if (compareOperators.has(modifier)) {
      this.compare = modifier as CompareOperator
      return each((value) =>
        this.numberOf(value) === undefined ? this.refuse(`\`${modifier}\` needs a number`) : value,
      )
    }
    if (dateParts.has(modifier)) {
      if (this.datePart) this.refuse('two date parts', 'modifier-order')
      this.datePart = modifier as DatePart
      return each((value) =>
        this.numberOf(value) === undefined ? this.refuse(`\`${modifier}\` needs a number`) : value,
      )
    }
    const flag = regexFlagNames[modifier]
    if (flag) {
      if (!this.modifiers.slice(0, index).includes('re'))
        this.refuse(`\`${modifier}\` needs \`re\` before it`, 'modifier-order')
      this.flags[flag] = true
      return states
    }
    if (encodings.has(modifier)) return each((value) => this.encode(modifier, value))
    switch (modifier) {
      case 'all':
        this.all = true
        return states
      case 'cased':
        this.cased = true
        return states
      case 'neq':
        this.negated = true
        return states
      case 're':
        if (index > 0) this.refuse('`re` must be the first modifier', 'modifier-order')
        return each((value) => ({ kind: 'regex', pattern: this.rawText(value, 're') }))
      case 'base64':
        return each((value) => textValue(this.bytesOf(value, 'base64').toString('base64')))
      case 'base64offset':
        return each((value) => base64Offsets(this.bytesOf(value, 'base64offset')).map(textValue))
      case 'windash':
        return each((value) => this.windash(value))
      case 'cidr':
        return each((value) => ({ kind: 'cidr', text: this.rawText(value, 'cidr') }))
      case 'fieldref':
        return each((value) => {
          const field = this.rawText(value, 'fieldref')
          this.options.seeField?.(field, this.path)
          return { kind: 'field', field }
        })
      case 'expand':
        return each((value) => this.expand(value))
      case 'exists':
        if (this.modifiers.length > 1) this.refuse('`exists` cannot be combined', 'modifier-order')
        if (this.field === undefined) this.refuse('`exists` needs a field', 'modifier')
        this.exists = true
        return each((value) => (value.kind === 'boolean' ? value : this.refuse('`exists` needs true or false')))
      default:
        return this.refuse(`the modifier \`${modifier}\` is not known`, 'modifier')
    }
  }

  /** The predicates of one value after all modifiers. */
  finish(value: Value): Predicate[] {
    const { operator, cased } = this
    if (this.exists && value.kind === 'boolean') return [{ kind: 'exists', expected: value.boolean }]
    if (this.datePart) {
      const number = this.numberOf(value) ?? this.refuse(`\`${this.datePart}\` needs a number`)
      return [{ kind: 'date', part: this.datePart, operator: this.compare ?? 'equals', number }]
    }
    if (this.compare) {
      const number = this.numberOf(value) ?? this.refuse(`\`${this.compare}\` needs a number`)
      return [{ kind: 'compare', operator: this.compare, number }]
    }
    switch (value.kind) {
      case 'null':
        if (this.field === undefined) this.refuse('null cannot be a keyword')
        return [{ kind: 'null' }]
      case 'boolean':
        return [this.textPredicate([String(value.boolean)])]
      case 'text':
        return this.finishText(value)
      case 'regex':
        return [this.finishRegex(value.pattern)]
      case 'cidr': {
        const network = parseNetwork(value.text)
        if (!network) throw new RuleRefused('cidr', `\`${this.label}\`: \`${value.text}\` is no network`, this.path)
        return [{ kind: 'cidr', network, text: value.text }]
      }
      case 'field':
        if (this.field === undefined) this.refuse('`fieldref` needs a field', 'modifier')
        return [{ kind: 'field', operator, field: value.field, cased }]
      case 'bytes':
        return this.refuse('a UTF-16 modifier must be followed by `base64` or `base64offset`', 'modifier-order')
    }
  }

  finishText(value: Value & { kind: 'text' }): Predicate[] {
    if (value.number !== undefined && this.operator === 'equals' && this.field !== undefined) {
      return numberTexts(value.raw, value.number).map((text) => this.textPredicate([text]))
    }
    return [this.textPredicate(value.pattern)]
  }

  /** Adds the wildcards of the operator to the parsed value, then names the cheapest test that says the same. */
  textPredicate(parsed: Pattern): Predicate {
    const { cased } = this
    const before = this.operator === 'contains' || this.operator === 'endswith' || this.field === undefined
    const after = this.operator === 'contains' || this.operator === 'startswith' || this.field === undefined
    const pattern = joinParts([...(before ? [anyText] : []), ...parsed, ...(after ? [anyText] : [])] as Pattern)
    const folded = cased
      ? pattern
      : pattern.map((part): PatternPart => (typeof part === 'string' ? lowerCase(part) : part))
    if (folded.every((part) => part === anyText) && folded.length > 0) {
      // `contains: ''` and a lone `*` say: present and not null.
      return this.field === undefined ? this.refuse('a keyword that matches everything') : { kind: 'any' }
    }
    const starts = folded[0] === anyText
    const ends = folded.at(-1) === anyText
    const core = folded.slice(starts ? 1 : 0, ends ? -1 : undefined)
    const text = literalText(core)
    if (text === undefined) return { kind: 'pattern', pattern: folded, cased }
    const operator = starts ? (ends ? 'contains' : 'endswith') : ends ? 'startswith' : 'equals'
    return { kind: 'text', operator, text, cased }
  }

  finishRegex(pattern: string): Predicate {
    let flags = this.flags
    if (this.operator === 'startswith') pattern = `^(?:${pattern})`
    if (this.operator === 'endswith') pattern = `(?:${pattern})$`
    const inline = /^\(\?([ims]+)\)/.exec(pattern)
    if (inline) {
      flags = { ...flags }
      for (const letter of inline[1]!) flags[regexFlagNames[letter]!] = true
      pattern = pattern.slice(inline[0].length)
    }
    if (pattern.length > regexLengthLimit) {
      throw new RuleRefused('limit', `\`${this.label}\`: the expression is longer than ${regexLengthLimit}`, this.path)
    }
    try {
      compileRegex(pattern, flags)
    } catch (cause) {
      throw new RuleRefused(
        cause instanceof RangeError ? 'limit' : 'regex',
        `\`${this.label}\`: ${(cause as Error).message}`,
        this.path,
      )
    }
    return { kind: 'regex', pattern, flags }
  }

  numberOf(value: Value): number | undefined {
    if (value.kind !== 'text') return undefined
    if (value.number !== undefined) return value.number
    return parseNumber(value.raw)
  }

  rawText(value: Value, modifier: string): string {
    if (value.kind === 'text') return value.raw
    if (value.kind === 'boolean') return String(value.boolean)
    return this.refuse(`\`${modifier}\` cannot follow the modifiers before it`, 'modifier-order')
  }

  /** UTF-8 bytes of the unescaped value; wildcards cannot be encoded. */
  bytesOf(value: Value, modifier: string): Buffer {
    if (value.kind === 'bytes') return value.bytes
    if (value.kind !== 'text') return this.refuse(`\`${modifier}\` needs a text`)
    const text = literalText(value.pattern)
    if (text === undefined) return this.refuse(`\`${modifier}\` cannot encode a wildcard`)
    return Buffer.from(text, 'utf8')
  }

  encode(modifier: string, value: Value): Value {
    const text = value.kind === 'text' ? literalText(value.pattern) : undefined
    if (text === undefined) return this.refuse(`\`${modifier}\` needs a text without wildcards`)
    const bytes = Buffer.from(text, 'utf16le')
    if (modifier === 'utf16be') bytes.swap16()
    return { kind: 'bytes', bytes: modifier === 'utf16' ? Buffer.concat([Buffer.from([0xff, 0xfe]), bytes]) : bytes }
  }

  windash(value: Value): Value[] {
    if (value.kind !== 'text') return this.refuse('`windash` needs a text')
    let patterns: Pattern[] = [[]]
    const extend = (alternatives: readonly PatternPart[]) => {
      if (patterns.length * alternatives.length > alternativesLimit) {
        throw new RuleRefused('limit', `\`${this.label}\`: too many dashes for \`windash\``, this.path)
      }
      patterns = patterns.flatMap((pattern) => alternatives.map((part): Pattern => [...pattern, part]))
    }
    for (const part of value.pattern) {
      if (typeof part !== 'string') {
        extend([part])
        continue
      }
      let last = 0
      for (const match of part.matchAll(windash)) {
        extend([part.slice(last, match.index)])
        extend(dashes)
        last = match.index + 1
      }
      extend([part.slice(last)])
    }
    return patterns.map((pattern) => ({ kind: 'text', pattern: joinParts(pattern), raw: value.raw }))
  }

  expand(value: Value): Value[] {
    if (value.kind === 'regex') {
      const quote = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
      return this.substitute(value.pattern, quote).map((pattern) => ({ kind: 'regex', pattern }))
    }
    if (value.kind !== 'text') return this.refuse('`expand` needs a text')
    return this.substitute(value.raw, (text) => text).map((raw) => ({ kind: 'text', pattern: parsePattern(raw), raw }))
  }

  /** Every combination of the values of the `%placeholders%` in the text; `\%` is a literal percent sign. */
  substitute(text: string, quote: (text: string) => string): string[] {
    let results = ['']
    let last = 0
    for (const match of text.matchAll(/\\%|%([^%\s]+)%/g)) {
      const literal = text.slice(last, match.index)
      const name = match[1]
      const values = name === undefined ? ['%'] : this.options.placeholders.get(name)?.map(quote)
      if (!values || values.length === 0) {
        throw new RuleRefused('placeholder', `\`${this.label}\`: no values are configured for \`%${name}%\``, this.path)
      }
      if (results.length * values.length > alternativesLimit) {
        throw new RuleRefused('limit', `\`${this.label}\`: the placeholders expand to too many values`, this.path)
      }
      results = results.flatMap((result) => values.map((item) => result + literal + item))
      last = match.index + match[0].length
    }
    return results.map((result) => result + text.slice(last))
  }
}

function textValue(text: string): Value {
  return { kind: 'text', pattern: text === '' ? [] : [text], raw: text }
}

/**
 * The three Base64 forms of bytes that may stand at any offset, reduced to the characters that do not depend on the
 * neighbours: with i bytes before, the first [0,2,3][i] characters and, by (length + i) mod 3, the last 0, 3 or 2
 * characters (padding included) mix with them.
 */
function base64Offsets(bytes: Buffer): string[] {
  return [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset, 0x20), bytes]).toString('base64')
    const cut = [0, 3, 2][(bytes.length + offset) % 3]!
    return encoded.slice([0, 2, 3][offset], encoded.length - cut)
  })
}

/**
 * Texts a number equals: as written, and its decimal form, in which event numbers are compared. A number with leading
 * zeros is a text to the authors of rules (and to YAML 1.1): only as written.
 */
function numberTexts(source: string, number: number): string[] {
  if (/^[-+]?0\d/.test(source)) return [source]
  return [...new Set([source, String(number)])]
}

/** A decimal number, or undefined: no hex, no blanks, nothing empty. */
export function parseNumber(text: string): number | undefined {
  return /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text) ? Number(text) : undefined
}

function distinct(predicates: Predicate[]): Predicate[] {
  if (predicates.length < 2) return predicates
  const seen = new Set<string>()
  return predicates.filter((predicate) => {
    if (predicate.kind !== 'text') return true
    const key = `${predicate.operator}\u0000${predicate.cased}\u0000${predicate.text}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}
