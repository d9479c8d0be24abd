/** What the query bar offers at the caret. Pure, so that it can be tested without a browser. */

export interface CaretWord {
  kind: 'field' | 'value'
  /** For values: the field before the colon. */
  field?: string
  /** What stands before the caret, without an opening quote. */
  text: string
  start: number
  end: number
}

/** The word the caret stands in, and whether it names a field or a value. Undefined inside a finished phrase. */
export function wordAt(query: string, caret: number): CaretWord {
  const before = query.slice(0, caret)
  const value = /([\p{L}_@][\p{L}\p{N}_.@-]*)\s*:\s*("(?:[^"\\]|\\.)*|[^\s()"]*)$/u.exec(before)
  const rest = /^[^\s()":]*/.exec(query.slice(caret))?.[0].length ?? 0
  if (value) {
    const text = value[2]!
    return {
      kind: 'value',
      field: value[1]!,
      text: text.replace(/^"/, ''),
      start: caret - text.length,
      end: caret + rest,
    }
  }
  const word = /[^\s()":]*$/.exec(before)?.[0] ?? ''
  return {
    kind: 'field',
    text: word.replace(/^-/, ''),
    start: caret - word.replace(/^-/, '').length,
    end: caret + rest,
  }
}

/** The query with the word replaced, and where the caret goes. */
export function complete(query: string, word: CaretWord, insert: string): { query: string; caret: number } {
  const text = word.kind === 'field' ? `${insert}:` : `${insert} `
  // A quote that was begun is replaced together with the word; a colon already there is not doubled.
  let end = word.end
  if (word.kind === 'field' && query[end] === ':') end += 1
  if (word.kind === 'value' && query[end] === '"') end += 1
  if (word.kind === 'value' && query[end] === ' ') end += 1
  return { query: query.slice(0, word.start) + text + query.slice(end), caret: word.start + text.length }
}

/** Names that begin with the text first, then those whose part after a dot does, then those that hold it anywhere. */
export function rankFields<Field extends { name: string }>(fields: Field[], text: string, limit = 12): Field[] {
  const wanted = text.toLowerCase()
  const rank = ({ name }: Field) => {
    const lower = name.toLowerCase()
    if (lower.startsWith(wanted)) return 0
    if (lower.split('.').some((part) => part.startsWith(wanted))) return 1
    return lower.includes(wanted) ? 2 : 3
  }
  return fields
    .map((field) => ({ field, rank: rank(field) }))
    .filter(({ rank: score }) => score < 3)
    .sort((a, b) => a.rank - b.rank || a.field.name.length - b.field.name.length)
    .slice(0, limit)
    .map(({ field }) => field)
}
