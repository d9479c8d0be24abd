import type { Pattern } from './pattern.ts'

export type TextOperator = 'equals' | 'startswith' | 'endswith' | 'contains'
export type CompareOperator = 'lt' | 'lte' | 'gt' | 'gte'
export type DatePart = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year'

/**
 * One test of one value of a field, with every modifier already folded in. Texts are lower-cased unless `cased`.
 * Two compilers read it: the matcher of the stream (plan.ts) and the SQL of history (sql.ts).
 */
export type Predicate =
  | { kind: 'text'; operator: TextOperator; text: string; cased: boolean }
  /** Wildcards in places that no operator covers; anchored at both ends. */
  | { kind: 'pattern'; pattern: Pattern; cased: boolean }
  | { kind: 'regex'; pattern: string; flags: RegexFlags }
  | { kind: 'cidr'; network: Network; text: string }
  | { kind: 'compare'; operator: CompareOperator; number: number }
  | { kind: 'date'; part: DatePart; operator: CompareOperator | 'equals'; number: number }
  | { kind: 'field'; operator: TextOperator; field: string; cased: boolean }
  /** Absent, or JSON null. */
  | { kind: 'null' }
  /** Present and not null: a lone `*`. */
  | { kind: 'any' }
  /** Presence alone; null and '' count as present. */
  | { kind: 'exists'; expected: boolean }

export interface RegexFlags {
  ignoreCase: boolean
  multiline: boolean
  dotAll: boolean
}

export interface Network {
  /** 4 or 16 bytes. */
  bytes: Uint8Array
  prefixLength: number
}

/** True when any of the predicates holds for the field; `field` undefined means the whole record (keywords). */
export interface FieldTest {
  field: string | undefined
  predicates: Predicate[]
  /** As the rule writes it, for explanations: `CommandLine|contains|all`. */
  label: string
}

export type Expression =
  | { kind: 'and' | 'or'; children: Expression[] }
  | { kind: 'not'; child: Expression }
  | { kind: 'test'; test: FieldTest }
  /** A search identifier; only a name around its child, kept for explanations. */
  | { kind: 'part'; name: string; child: Expression }

/** A text that identifies a predicate: equal keys, equal meaning. */
export function predicateKey(predicate: Predicate): string {
  switch (predicate.kind) {
    case 'text':
      return `${predicate.operator}${predicate.cased ? '!' : ''}:${predicate.text}`
    case 'pattern':
      return `pattern${predicate.cased ? '!' : ''}:${predicate.pattern.map((part) => (typeof part === 'string' ? `"${part}"` : String(part.description))).join('\u0000')}`
    case 'regex': {
      const { ignoreCase, multiline, dotAll } = predicate.flags
      return `regex${ignoreCase ? 'i' : ''}${multiline ? 'm' : ''}${dotAll ? 's' : ''}:${predicate.pattern}`
    }
    case 'cidr':
      return `cidr:${predicate.text}`
    case 'compare':
      return `${predicate.operator}:${predicate.number}`
    case 'date':
      return `${predicate.part}-${predicate.operator}:${predicate.number}`
    case 'field':
      return `field-${predicate.operator}${predicate.cased ? '!' : ''}:${predicate.field}`
    case 'exists':
      return `exists:${predicate.expected}`
    default:
      return predicate.kind
  }
}
