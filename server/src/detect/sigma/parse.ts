import { createHash } from 'node:crypto'
import type { Severity } from '../../event/event.ts'
import type {
  CorrelationDocument,
  DetectionDocument,
  DocumentSource,
  FilterDocument,
  Logsource,
  SigmaDocument,
} from './document.ts'
import { readPlainYaml } from './plain-yaml.ts'
import { type RefusalReason, RuleRefused, refusalTable } from './refusal.ts'
import { locate, NumericScalar, type Position, readYaml, scalarText, type YamlMap, type YamlValue } from './yaml.ts'

/** A document that cannot be used: which, why, where and what to do. */
export interface RefusedDocument extends Position {
  file: string
  /** As far as the document told them. */
  id: string
  title: string
  reason: RefusalReason
  message: string
  hint: string
}

export interface ParsedFile {
  documents: SigmaDocument[]
  refused: RefusedDocument[]
}

const levels: readonly string[] = ['informational', 'low', 'medium', 'high', 'critical']
const headKeys = new Set([
  'id', 'name', 'title', 'description', 'author', 'status', 'level', 'tags', 'references', 'falsepositives',
  'logsource', 'detection', 'correlation', 'filter',
]) // biome-ignore format: a list

/**
 * Reads the Sigma documents of one file: detections, correlations and filters. Never throws for what the file
 * holds: a document that cannot be read is listed in `refused` and the others go on.
 */
export function parseSigma(text: string, file: string): ParsedFile {
  const result: ParsedFile = { documents: [], refused: [] }
  const values = readPlainYaml(text) ?? readYaml(text)
  const isCollection = values.some((value) => value instanceof Map && value.has('action'))
  for (const [index, value] of values.entries()) {
    const source: DocumentSource = { file, index, locate: (path) => locate(text, index, path) }
    try {
      if (value instanceof RuleRefused) throw value
      if (!(value instanceof Map)) throw new RuleRefused('structure', 'The document is not a map')
      if (isCollection)
        throw new RuleRefused('legacy-action', 'Collections with `action:` are not supported', ['action'])
      result.documents.push(readDocument(value, source))
    } catch (error) {
      if (!(error instanceof RuleRefused)) throw error
      const map = value instanceof Map ? value : undefined
      result.refused.push(refusedDocument(error, source, scalarText(map?.get('id')), scalarText(map?.get('title'))))
    }
  }
  return result
}

/** The listing of a refusal, with its line and column found again in the file. */
export function refusedDocument(
  error: RuleRefused,
  source: DocumentSource,
  id: string,
  title: string,
): RefusedDocument {
  const position = error.position ?? source.locate(error.path)
  const { reason, message } = error
  return {
    file: source.file,
    id,
    title,
    reason,
    message,
    hint: refusalTable[reason],
    line: position.line,
    column: position.column,
  }
}

function readDocument(map: YamlMap, source: DocumentSource): SigmaDocument {
  const title = scalarText(map.get('title'))
  if (title === '') throw new RuleRefused('structure', 'The document has no title')
  const name = scalarText(map.get('name')) || undefined
  const level = scalarText(map.get('level')).toLowerCase()
  const custom: YamlMap = new Map([...map].filter(([key]) => !headKeys.has(key)))
  const head = {
    id: scalarText(map.get('id')) || name || hashOf(map),
    name,
    title,
    description: scalarText(map.get('description')) || undefined,
    author: scalarText(map.get('author')) || undefined,
    status: scalarText(map.get('status')) || undefined,
    level: (levels.includes(level) ? level : 'medium') as Severity,
    tags: textList(map.get('tags')).map((tag) => tag.toLowerCase()),
    references: textList(map.get('references')),
    falsePositives: textList(map.get('falsepositives')),
    custom,
    source,
  }
  if (map.has('correlation')) {
    const correlation = requireMap(map.get('correlation'), 'correlation')
    return { ...head, kind: 'correlation', correlation } satisfies CorrelationDocument
  }
  const logsource = readLogsource(map)
  if (map.has('filter')) {
    const filter = requireMap(map.get('filter'), 'filter')
    const rules = filter.get('rules')
    if (rules === undefined || rules === null) throw new RuleRefused('filter', 'The filter names no rules', ['filter'])
    const names = textList(rules)
    const everything = names.length === 0 || (names.length === 1 && names[0]!.toLowerCase() === 'any')
    const conditions = readConditions(filter, 'filter')
    const identifiers = new Map([...filter].filter(([key]) => key !== 'condition' && key !== 'rules'))
    return {
      ...head,
      kind: 'filter',
      logsource,
      rules: everything ? 'any' : names,
      identifiers,
      conditions,
    } satisfies FilterDocument
  }
  const detection = requireMap(map.get('detection'), 'detection')
  const conditions = readConditions(detection, 'detection')
  const identifiers = new Map([...detection].filter(([key]) => key !== 'condition' && key !== 'timeframe'))
  return { ...head, kind: 'detection', logsource, identifiers, conditions } satisfies DetectionDocument
}

function requireMap(value: YamlValue | undefined, key: string): YamlMap {
  if (!(value instanceof Map)) throw new RuleRefused('structure', `\`${key}\` is missing or not a map`, [key])
  return value
}

function readConditions(section: YamlMap, key: string): string[] {
  const condition = section.get('condition')
  const list = Array.isArray(condition) ? condition : [condition]
  if (list.length === 0 || !list.every((item): item is string => typeof item === 'string' && item.trim() !== '')) {
    throw new RuleRefused('structure', `\`${key}.condition\` is missing or not text`, [key, 'condition'])
  }
  return list
}

function readLogsource(map: YamlMap): Logsource {
  const value = map.get('logsource')
  if (!(value instanceof Map)) throw new RuleRefused('structure', '`logsource` is missing or not a map', ['logsource'])
  const logsource: Logsource = {}
  for (const key of ['product', 'category', 'service'] as const) {
    const text = scalarText(value.get(key))
    if (text !== '') logsource[key] = text.toLowerCase()
  }
  return logsource
}

/** A scalar or a list of scalars as texts. */
export function textList(value: YamlValue | undefined): string[] {
  if (value === undefined || value === null) return []
  return (Array.isArray(value) ? value : [value]).map(scalarText).filter((text) => text !== '')
}

function hashOf(map: YamlMap): string {
  const plain = (value: YamlValue): unknown => {
    if (value instanceof Map) return [...value].map(([key, item]) => [key, plain(item)])
    if (value instanceof NumericScalar) return value.source
    return Array.isArray(value) ? value.map(plain) : value
  }
  return `sigma-${createHash('sha256')
    .update(JSON.stringify(plain(map)))
    .digest('hex')
    .slice(0, 16)}`
}
