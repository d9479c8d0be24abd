/** Rows of comma-separated values (RFC 4180): quoted fields may hold commas, line ends and doubled quotes. Empty lines are left out. */
export function* csvRows(text: string): Generator<{ line: number; fields: string[] }> {
  let line = 1
  let position = text.charCodeAt(0) === 0xfeff ? 1 : 0
  while (position < text.length) {
    const startLine = line
    const fields: string[] = []
    for (;;) {
      const field = readField(text, position)
      fields.push(field.value)
      line += field.lineEnds
      position = field.end
      if (text[position] !== ',') break
      position++
    }
    if (text[position] === '\r') position++
    if (text[position] === '\n') position++
    line++
    if (fields.length > 1 || fields[0] !== '') yield { line: startLine, fields }
  }
}

function readField(text: string, start: number): { value: string; end: number; lineEnds: number } {
  if (text[start] !== '"') {
    let end = start
    while (end < text.length && text[end] !== ',' && text[end] !== '\n' && text[end] !== '\r') end++
    return { value: text.slice(start, end).trim(), end, lineEnds: 0 }
  }
  let value = ''
  let position = start + 1
  for (;;) {
    const quote = text.indexOf('"', position)
    // A quote that is never closed holds the rest of the text.
    const end = quote < 0 ? text.length : quote
    value += text.slice(position, end)
    if (quote >= 0 && text[quote + 1] === '"') {
      value += '"'
      position = quote + 2
      continue
    }
    let after = Math.min(text.length, end + 1)
    while (after < text.length && text[after] !== ',' && text[after] !== '\n' && text[after] !== '\r') after++
    return { value, end: after, lineEnds: value.split('\n').length - 1 }
  }
}
