import { type Bound, literalText, type Pattern, type Query } from './query.ts'

/** The text of a query in its plainest form; parsing it gives the same query again. */
export function printQuery(query: Query): string {
  return print(query, 0)
}

/** `binding` says how tightly the surroundings bind: 0 nothing, 1 inside or, 2 inside and, 3 inside not. */
function print(query: Query, binding: number): string {
  switch (query.kind) {
    case 'all':
      return binding === 0 ? '' : '*'
    case 'or':
      return parenthesised(query.items.map((item) => print(item, 1)).join(' or '), binding > 0)
    case 'and':
      return parenthesised(query.items.map((item) => print(item, 2)).join(' and '), binding > 1)
    case 'not':
      return `not ${print(query.item, 3)}`
    case 'text':
      return printValue(query.pattern)
    case 'exists':
      return `${query.field}:*`
    case 'match':
      return `${query.field}:${printValue(query.pattern)}`
    case 'cidr':
      return `${query.field}:${query.network}/${query.prefixBits}`
    case 'range':
      return `${query.field}:${printRange(query.low, query.high)}`
  }
}

function parenthesised(text: string, needed: boolean): string {
  return needed ? `(${text})` : text
}

function printRange(low: Bound | undefined, high: Bound | undefined): string {
  if (!high && low) return `${low.inclusive ? '>=' : '>'}${bareOrQuoted(low.value)}`
  if (!low && high) return `${high.inclusive ? '<=' : '<'}${bareOrQuoted(high.value)}`
  const open = low?.inclusive === false ? '{' : '['
  const close = high?.inclusive === false ? '}' : ']'
  return `${open}${low ? bareOrQuoted(low.value) : '*'} TO ${high ? bareOrQuoted(high.value) : '*'}${close}`
}

function printValue(pattern: Pattern): string {
  return pattern.some((part) => part.kind !== 'literal') ? bare(pattern) : bareOrQuoted(literalText(pattern) ?? '')
}

function bareOrQuoted(text: string): string {
  const plain = /^[\p{L}\p{N}_.][\p{L}\p{N}_.@/+-]*$/u.test(text) && !/^(and|or|not|to)$/i.test(text)
  return plain ? text : `"${text.replace(/["“”\\]/g, '\\$&')}"`
}

/** Every sign that could mean something is escaped, so that nothing but the wildcards stands for more than itself. */
function bare(pattern: Pattern): string {
  return pattern
    .map((part) =>
      part.kind === 'any' ? '*' : part.kind === 'one' ? '?' : part.text.replace(/[^\p{L}\p{N}_.@/]/gu, '\\$&'),
    )
    .join('')
}
