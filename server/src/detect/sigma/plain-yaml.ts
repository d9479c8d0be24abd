import { NumericScalar, type YamlMap, type YamlValue } from './yaml.ts'

/** Thrown inside, never outside: what stands here needs the whole of YAML. */
const notPlain = Symbol('not plain')

const key = /^([A-Za-z_][^\s:#'"[\]{},&*!>%@`]*(?: [^\s:#'"[\]{},&*!>%@`]+)*):(?: +|$)/
const integer = /^[-+]?[0-9]+$/
/** Octal, hexadecimal and floating numbers, infinities and what is not a number: rare in rules. */
const otherNumber =
  /^(?:0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/
const constants = new Map<string, boolean | null>([
  ['~', null], ['null', null], ['Null', null], ['NULL', null],
  ['true', true], ['True', true], ['TRUE', true],
  ['false', false], ['False', false], ['FALSE', false],
]) // biome-ignore format: a table
/** Far below the depth and the length of keys that YAML or we refuse. */
const indentLimit = 25
const keyLimit = 500
const unusual = /[^\P{Cc}\n]|[\u2028\u2029\ufeff]/u

/**
 * Reads the YAML that nearly all rules are written in (maps and lists in blocks, texts on one line, literal blocks) in a
 * fifth of the time of a whole YAML reader. Undefined when the text has anything else in it, errors too: then only the
 * whole reader says what it means. What it gives is what `readYaml` would give.
 */
export function readPlainYaml(text: string): YamlValue[] | undefined {
  if (unusual.test(text)) return undefined
  try {
    return new PlainReader(text).documents()
  } catch (error) {
    if (error === notPlain) return undefined
    throw error
  }
}

class PlainReader {
  private readonly lines: string[]
  private at = 0
  /** Of the line at `at`, which is neither empty nor a comment; -1 at the end of the document. */
  private indent = -1

  constructor(text: string) {
    this.lines = text.split('\n')
    this.settle()
  }

  documents(): YamlValue[] {
    const found: YamlValue[] = []
    while (this.at < this.lines.length) {
      // An empty document may be none or one of nothing.
      if (this.lines[this.at] === '---') this.next()
      if (this.indent !== 0) throw notPlain
      found.push(this.map(0))
      if (this.at < this.lines.length && this.lines[this.at] !== '---') throw notPlain
    }
    if (found.length === 0) throw notPlain
    return found
  }

  private next(): void {
    this.at++
    this.settle()
  }

  private settle(): void {
    for (; this.at < this.lines.length; this.at++) {
      const line = this.lines[this.at]!
      let indent = 0
      while (line.charCodeAt(indent) === 32) indent++
      if (indent === line.length || line.charCodeAt(indent) === 35) continue
      if (indent === 0 && (line.startsWith('---') || line.startsWith('...') || line.startsWith('%'))) {
        if (line !== '---') throw notPlain
        this.indent = -1
        return
      }
      this.indent = indent
      return
    }
    this.indent = -1
  }

  private isItem(): boolean {
    const line = this.lines[this.at]!
    return line.charCodeAt(this.indent) === 45 && (line.length === this.indent + 1 || line[this.indent + 1] === ' ')
  }

  private map(indent: number): YamlMap {
    if (indent > indentLimit) throw notPlain
    const map: YamlMap = new Map()
    while (this.indent === indent) this.entry(map, indent, this.lines[this.at]!.slice(indent))
    if (this.indent > indent) throw notPlain
    return map
  }

  /** One `key: value`, where `rest` is the line from the key on and `indent` that of the map. */
  private entry(map: YamlMap, indent: number, rest: string): void {
    const found = key.exec(rest)
    if (!found || found[0].length > keyLimit) throw notPlain
    const name = found[1]!
    if (map.has(name) || constants.has(name)) throw notPlain
    const value = rest.slice(found[0].length)
    if (value !== '' && value.charCodeAt(0) !== 35) {
      map.set(name, this.scalar(value, indent))
      return
    }
    this.next()
    if (this.indent > indent) map.set(name, this.isItem() ? this.list(this.indent) : this.map(this.indent))
    else map.set(name, this.indent === indent && this.isItem() ? this.list(indent) : null)
  }

  private list(indent: number): YamlValue[] {
    if (indent > indentLimit) throw notPlain
    const list: YamlValue[] = []
    while (this.indent === indent && this.isItem()) {
      const line = this.lines[this.at]!
      let start = indent + 1
      while (line.charCodeAt(start) === 32) start++
      const rest = line.slice(start)
      if (rest === '' || rest.startsWith('#') || rest.startsWith('- ') || rest === '-') throw notPlain
      if (key.test(rest)) {
        const map: YamlMap = new Map()
        this.entry(map, start, rest)
        while (this.indent === start) this.entry(map, start, this.lines[this.at]!.slice(start))
        if (this.indent > indent) throw notPlain
        list.push(map)
      } else list.push(this.scalar(rest, indent))
    }
    if (this.indent > indent) throw notPlain
    return list
  }

  /** The value that begins at `text` and ends with the line, or with its block; goes on behind it. */
  private scalar(text: string, indent: number): YamlValue {
    const first = text.charCodeAt(0)
    if (first === 124) return this.literal(text, indent)
    const value = first === 39 ? singleQuoted(text) : first === 34 ? doubleQuoted(text) : plain(text)
    this.next()
    // Deeper lines would go on with the text.
    if (this.indent > indent) throw notPlain
    return value
  }

  /** A literal block: its lines as they are, less their common indentation; one line end at the end, or none (`|-`). */
  private literal(head: string, indent: number): string {
    if (head !== '|' && head !== '|-') throw notPlain
    const taken: string[] = []
    let own = -1
    let at = this.at + 1
    for (; at < this.lines.length; at++) {
      const line = this.lines[at]!
      let spaces = 0
      while (line.charCodeAt(spaces) === 32) spaces++
      if (spaces === line.length) {
        // Blank lines longer than the indentation are content.
        if (own < 0 ? spaces > 0 : spaces > own) throw notPlain
        taken.push('')
        continue
      }
      if (own < 0) {
        if (spaces <= indent) break
        own = spaces
      }
      if (spaces < own) break
      taken.push(line.slice(own))
    }
    // Where the file ends without a line end, a block may end without one too.
    if (own < 0 || (at === this.lines.length && taken.at(-1) !== '')) throw notPlain
    this.at = at
    this.settle()
    if (this.indent > indent) throw notPlain
    while (taken.at(-1) === '') taken.pop()
    return taken.join('\n') + (head === '|' ? '\n' : '')
  }
}

function singleQuoted(text: string): string {
  const found = /^'((?:[^']|'')*)'(?: *| +#.*)$/.exec(text)
  if (!found) throw notPlain
  return found[1]!.replaceAll("''", "'")
}

function doubleQuoted(text: string): string {
  const found = /^"([^"\\]*)"(?: *| +#.*)$/.exec(text)
  if (!found) throw notPlain
  return found[1]!
}

function plain(written: string): YamlValue {
  const comment = written.indexOf(' #')
  const text = (comment < 0 ? written : written.slice(0, comment)).replace(/ +$/, '')
  if (/^[,[\]{}#&*!|>'"%@`]|^[-?:](?: |$)|: |:$/.test(text)) throw notPlain
  const constant = constants.get(text)
  if (constant !== undefined) return constant
  if (integer.test(text)) return new NumericScalar(Number(text), text)
  if (otherNumber.test(text)) throw notPlain
  return text
}
