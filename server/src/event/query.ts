/** A value with wildcards: literal pieces, `any` for `*`, `one` for `?`. Never two literals in a row, never empty. */
export type Pattern = readonly PatternPart[]
export type PatternPart = { kind: 'literal'; text: string } | { kind: 'any' } | { kind: 'one' }

/** One end of a range, as canonical text of the field's type. */
export interface Bound {
  value: string
  inclusive: boolean
}

/**
 * What a query text means. `and` and `or` hold at least two items, none of their own kind; field names are known to
 * the catalogue; values are canonical for the type of their field (see event/query-parse.ts).
 */
export type Query =
  | { kind: 'all' }
  | { kind: 'and'; items: readonly Query[] }
  | { kind: 'or'; items: readonly Query[] }
  | { kind: 'not'; item: Query }
  /** A word or phrase in the message, a name, or a field of the source's own (see seams/events/search-text.ts). */
  | { kind: 'text'; pattern: Pattern }
  | { kind: 'exists'; field: string }
  | { kind: 'match'; field: string; pattern: Pattern }
  | { kind: 'cidr'; field: string; network: string; prefixBits: number }
  | { kind: 'range'; field: string; low?: Bound; high?: Bound }

/** Bounds of a query, so that none can exhaust the parser or the store. */
export const queryLimits = { characters: 4096, depth: 40, terms: 200 } as const

/** The text of a pattern without wildcards; undefined when it has some. */
export function literalText(pattern: Pattern): string | undefined {
  const [part] = pattern
  if (pattern.length === 0) return ''
  return pattern.length === 1 && part?.kind === 'literal' ? part.text : undefined
}

/** Names of all fields a query reads, each once, in order. */
export function queryFields(query: Query): string[] {
  const names = new Set<string>()
  const visit = (node: Query): void => {
    if ('field' in node) names.add(node.field)
    if ('items' in node) node.items.forEach(visit)
    if ('item' in node) visit(node.item)
  }
  visit(query)
  return [...names]
}
