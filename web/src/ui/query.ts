/**
 * Small text operations on the query language of log search (field:value, AND, OR, NOT, quotes, * and ?), for
 * include and exclude. The server parses the language; this only writes clauses that mean what they say.
 */

/** `a "b"` -> `"a \"b\""`; plain words and numbers stay bare. */
export function quoteValue(value: string): string {
  if (/^[\p{L}\p{N}_][\p{L}\p{N}_.@-]*$/u.test(value) && !/^(and|or|not|true|false|null)$/i.test(value)) return value
  return `"${value.replace(/[\\"]/g, (character) => `\\${character}`)}"`
}

export function clause(field: string, value: string, exclude = false): string {
  return `${exclude ? 'NOT ' : ''}${field}:${quoteValue(value)}`
}

/** Adds a clause; the same clause is not added twice, and its opposite is replaced. */
export function withClause(query: string, field: string, value: string, exclude = false): string {
  const wanted = clause(field, value, exclude)
  const opposite = clause(field, value, !exclude)
  const parts = splitAnd(query)
  if (parts === undefined) return `(${query.trim()}) AND ${wanted}`
  const kept = parts.filter((part) => part !== opposite && part !== wanted)
  return [...kept, wanted].join(' AND ')
}

/** The parts of a query that is one chain of AND at the top; undefined when OR or adjacency makes that unsafe. */
function splitAnd(query: string): string[] | undefined {
  const text = query.trim()
  if (text === '' || text === '*') return []
  const parts: string[] = []
  let depth = 0
  let quoted = false
  let start = 0
  for (let index = 0; index < text.length; index++) {
    const character = text[index]
    if (character === '\\') index++
    else if (character === '"') quoted = !quoted
    else if (quoted) continue
    else if (character === '(') depth++
    else if (character === ')') depth--
    else if (depth === 0 && /\s/.test(character!)) {
      const word = /^\s+(AND|OR)\s+/i.exec(text.slice(index))
      if (word?.[1]?.toUpperCase() === 'OR') return undefined
      if (word) {
        parts.push(text.slice(start, index))
        index += word[0].length - 1
        start = index + 1
      }
    }
  }
  if (quoted || depth !== 0) return undefined
  parts.push(text.slice(start))
  return parts.map((part) => part.trim()).filter(Boolean)
}
