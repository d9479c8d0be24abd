/** Formats a list can be kept in. */
export type RowFormat = 'csv' | 'ndjson'

/** A list is saved up to here; more is exported by a program. */
const rowsMax = 50_000

/** Saves what a list would show, page after page to its end, as a file of the browser. Rejects as its pages do. */
export async function saveRows(name: string, format: RowFormat, pages: AsyncIterable<object[]>): Promise<void> {
  const rows: Record<string, unknown>[] = []
  for await (const page of pages) {
    rows.push(...(page as Record<string, unknown>[]))
    if (rows.length >= rowsMax) break
  }
  const text = format === 'csv' ? csvOf(rows) : rows.map((row) => `${JSON.stringify(row)}\n`).join('')
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type: format === 'csv' ? 'text/csv' : 'application/x-ndjson' }))
  link.download = `${name}.${format}`
  link.click()
  URL.revokeObjectURL(link.href)
}

/**
 * RFC 4180 with a byte order mark, without which spreadsheets take Chinese for rubbish. A text that a spreadsheet would take
 * for a formula gets an apostrophe before it.
 */
export function csvOf(rows: readonly Record<string, unknown>[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const lines = [names, ...rows.map((row) => names.map((name) => row[name]))]
  return `\ufeff${lines.map((line) => `${line.map(cell).join(',')}\r\n`).join('')}`
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return ''
  const plain = typeof value === 'object' ? JSON.stringify(value) : String(value)
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(plain) ? `'${plain}` : plain
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
