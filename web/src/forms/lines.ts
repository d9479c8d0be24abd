/** Reads what people paste or upload: CSV with a header, JSON lines, or one value a line. */

/** RFC 4180: quoted cells may hold commas, doubled quotes and line breaks. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let cell = ''
  let quoted = false
  const endRow = () => {
    row.push(cell)
    if (row.some((value) => value.trim() !== '')) rows.push(row.map((value) => value.trim()))
    row = []
    cell = ''
  }
  for (let index = 0; index < text.length; index++) {
    const character = text[index]!
    if (quoted) {
      if (character === '"' && text[index + 1] === '"') {
        cell += '"'
        index++
      } else if (character === '"') quoted = false
      else cell += character
    } else if (character === '"') quoted = true
    else if (character === ',') {
      row.push(cell)
      cell = ''
    } else if (character === '\n') endRow()
    else if (character !== '\r') cell += character
  }
  endRow()
  return rows
}

/** A line that begins as JSON and is none; the message is its number and its beginning. */
export class LineNotJson extends SyntaxError {}

/** Records of a CSV with a header, or of JSON lines. Throws LineNotJson. */
export function parseRecords(text: string): Record<string, unknown>[] {
  const body = text.replace(/^\uFEFF/, '')
  if (body.trimStart().startsWith('{')) {
    return body.split('\n').flatMap((line, index) => {
      if (line.trim() === '') return []
      try {
        return [JSON.parse(line) as Record<string, unknown>]
      } catch {
        throw new LineNotJson(`${index + 1}: ${line.slice(0, 80)}`)
      }
    })
  }
  const [header = [], ...rows] = parseCsv(body)
  return rows.map((row) => Object.fromEntries(header.map((name, index) => [name, row[index] ?? ''])))
}

export type IndicatorType = 'ip' | 'cidr' | 'domain' | 'url' | 'sha256' | 'sha1' | 'md5' | 'email'

/** What kind of indicator a value is, by its form; undefined when by none. */
export function guessIndicatorType(value: string): IndicatorType | undefined {
  if (/^[0-9a-f]{64}$/i.test(value)) return 'sha256'
  if (/^[0-9a-f]{40}$/i.test(value)) return 'sha1'
  if (/^[0-9a-f]{32}$/i.test(value)) return 'md5'
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(value)) return 'url'
  if (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value)) return 'email'
  if (/^(\d{1,3}\.){3}\d{1,3}$/.test(value) || /^[0-9a-f]*:[0-9a-f:.]+$/i.test(value)) return 'ip'
  if (/^[0-9a-f:.]+\/\d{1,3}$/i.test(value)) return 'cidr'
  if (/^([\p{L}\p{N}_-]+\.)+[\p{L}][\p{L}\p{N}-]+$/u.test(value)) return 'domain'
  return undefined
}
