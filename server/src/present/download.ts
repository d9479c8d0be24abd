import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'

export type ExportFormat = 'ndjson' | 'csv'

const mediaTypes: Record<ExportFormat, string> = {
  ndjson: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
}

/** Spreadsheets take a file without it for one in the local code page, and Chinese for rubbish. */
const byteOrderMark = '\ufeff'

/**
 * Streams batches as a file to keep. The first batch is waited for, so that what goes wrong before it is answered with
 * its code; what goes wrong later cuts the connection, so that nobody takes a part for the whole.
 */
export async function sendDownload(
  reply: FastifyReply,
  { name, format, columns }: { name: string; format: ExportFormat; columns?: readonly string[] },
  batches: AsyncGenerator<object[]>,
): Promise<FastifyReply> {
  const first = await batches.next()
  async function* lines() {
    let head: readonly string[] | undefined
    for (let batch = first; !batch.done; batch = await batches.next()) {
      const items = batch.value as Record<string, unknown>[]
      if (format === 'ndjson') yield items.map((item) => `${JSON.stringify(item)}\n`).join('')
      else {
        if (head === undefined) {
          head = columns ?? [...new Set(items.flatMap((item) => Object.keys(item)))]
          yield byteOrderMark + csvRow(head)
        }
        const names = head
        yield items.map((item) => csvRow(names.map((name) => item[name]))).join('')
      }
    }
    if (format === 'csv' && head === undefined) yield byteOrderMark + csvRow(columns ?? [])
  }
  reply.header('content-disposition', `attachment; filename="${name}.${format}"`)
  reply.type(mediaTypes[format])
  return reply.send(Readable.from(lines()))
}

/** RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe before it; the name of our own column does not. */
function csvRow(values: readonly unknown[]): string {
  return `${values.map(csvCell).join(',')}\r\n`
}

function csvCell(value: unknown): string {
  if (value === null || value === undefined) return ''
  const plain =
    value instanceof Date ? value.toISOString() : typeof value === 'object' ? JSON.stringify(value) : String(value)
  const isFormula = typeof value === 'string' && value !== '@timestamp' && /^[=+\-@\t\r]/.test(plain)
  const text = isFormula ? `'${plain}` : plain
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
