import {
  type Document, isAlias, isMap, isPair, isScalar, isSeq, LineCounter, type Node, type Pair, parseAllDocuments, type YAMLMap,
} from 'yaml' // biome-ignore format: a list
import { RuleRefused } from './refusal.ts'

/** A number as written: `00000429` is the number 429 to YAML 1.2, but rules mean its text. */
export class NumericScalar {
  readonly value: number
  /** The scalar exactly as it stands in the file. */
  readonly source: string

  constructor(value: number, source: string) {
    this.value = value
    this.source = source
  }
}

export type YamlValue = string | boolean | null | NumericScalar | YamlValue[] | YamlMap
export type YamlMap = Map<string, YamlValue>
/** Where a thing stands in a document: keys and indexes from the root. */
export type YamlPath = (string | number)[]
export interface Position {
  /** Counted from 1. */
  line: number
  column: number
}

/** Values an alias may expand to in one file; a rule needs none, a bomb needs millions. */
const aliasLimit = 1000
const depthLimit = 64

/**
 * Reads a file of one or more YAML 1.2 documents into maps and lists in which every number keeps its source text.
 * A document that is not YAML yields a refusal in its place, so that its neighbours still load. Empty documents are left out.
 */
export function readYaml(text: string): (YamlValue | RuleRefused)[] {
  const values: (YamlValue | RuleRefused)[] = []
  const { documents, lineCounter } = parseText(text)
  for (const document of documents) {
    const problem = document.errors[0]
    if (problem) {
      const position = lineCounter.linePos(problem.pos[0])
      values.push(
        new RuleRefused('yaml', problem.message.split('\n')[0] ?? problem.message, [], {
          line: position.line,
          column: position.col,
        }),
      )
      continue
    }
    const budget = { aliases: 0 }
    const walk = (node: unknown, depth: number): YamlValue => {
      if (depth > depthLimit) throw new RuleRefused('yaml', `The document nests deeper than ${depthLimit} levels`)
      if (isAlias(node)) {
        if (++budget.aliases > aliasLimit) throw new RuleRefused('yaml', `More than ${aliasLimit} aliases are expanded`)
        const target = node.resolve(document)
        if (!target) throw new RuleRefused('yaml', `The alias \`*${node.source}\` names nothing that stands before it`)
        return walk(target, depth + 1)
      }
      if (isMap(node)) return walkMap(node.items, depth, walk)
      if (isSeq(node)) return node.items.map((item) => walk(item, depth + 1))
      if (isScalar(node)) return scalarValue(node.value, node.source)
      return null
    }
    try {
      values.push(walk(document.contents, 0))
    } catch (error) {
      if (!(error instanceof RuleRefused)) throw error
      values.push(error)
    }
  }
  return values
}

function walkMap(items: unknown[], depth: number, walk: (node: unknown, depth: number) => YamlValue): YamlMap {
  const map: YamlMap = new Map()
  for (const pair of items) {
    if (!isPair(pair)) continue
    const key = walk(pair.key, depth + 1)
    map.set(scalarText(key), walk(pair.value, depth + 1))
  }
  return map
}

function scalarValue(value: unknown, source: string | undefined): YamlValue {
  if (typeof value === 'number') return new NumericScalar(value, source ?? String(value))
  if (typeof value === 'bigint') return new NumericScalar(Number(value), source ?? String(value))
  if (typeof value === 'string' || typeof value === 'boolean') return value
  return null
}

/** The text of a scalar as it stands in the file; lists and maps have none and read as ''. */
export function scalarText(value: YamlValue | undefined): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  if (value instanceof NumericScalar) return value.source
  return ''
}

interface ParsedText {
  text: string
  /** All that are not empty. */
  documents: Document.Parsed[]
  lineCounter: LineCounter
}

/**
 * The last text that was parsed. A file of many refused documents or warnings asks for many places of one text, one after the other:
 * within one piece of work the reference holds, and afterwards the trees are free to go.
 */
let lastParsed: WeakRef<ParsedText> | undefined

function parseText(text: string): ParsedText {
  const last = lastParsed?.deref()
  if (last?.text === text) return last
  const lineCounter = new LineCounter()
  const parsed = parseAllDocuments(text, { lineCounter, merge: false, strict: true, stringKeys: false })
  const documents = Array.isArray(parsed)
    ? parsed.filter((document) => document.contents !== null || document.errors.length > 0)
    : []
  const result = { text, documents, lineCounter }
  lastParsed = new WeakRef(result)
  return result
}

/** The pairs of a map by the text of their keys, the first of each. */
const pairIndexes = new WeakMap<YAMLMap, Map<string, Pair>>()

function pairAt(map: YAMLMap, step: string): Pair | undefined {
  let index = pairIndexes.get(map)
  if (!index) {
    index = new Map()
    for (const pair of map.items) {
      if (!isScalar(pair.key)) continue
      const key = String(pair.key.source ?? pair.key.value)
      if (!index.has(key)) index.set(key, pair)
    }
    pairIndexes.set(map, index)
  }
  return index.get(step)
}

/** Line and column of the node at `path` in the n-th non-empty document, or of its nearest ancestor. May read the text again: for errors only. */
export function locate(text: string, documentIndex: number, path: YamlPath): Position {
  const { documents, lineCounter } = parseText(text)
  let node: unknown = documents[documentIndex]?.contents
  let offset = (node as Node | undefined)?.range?.[0] ?? 0
  for (const step of path) {
    let next: unknown
    if (isMap(node)) {
      const pair = pairAt(node, String(step))
      if (!pair) break
      offset = (pair.key as Node).range?.[0] ?? offset
      next = pair.value
    } else if (isSeq(node) && typeof step === 'number') {
      next = node.items[step]
      offset = (next as Node | undefined)?.range?.[0] ?? offset
    }
    if (!next) break
    node = next
  }
  const position = lineCounter.linePos(offset)
  return { line: Math.max(1, position.line), column: Math.max(1, position.col) }
}
