import { StringDecoder } from 'node:string_decoder'
import { csvRows } from '../../lib/csv.ts'
import type { AddRecord, Cutter } from './read.ts'

/** Columns that the exports of Windows tools call otherwise than Windows events do. */
const windowsColumns: Record<string, string> = {
  'Event ID': 'EventID',
  'Date and Time': 'TimeCreated_SystemTime',
  Source: 'Provider_Name',
  'Task Category': 'Task',
  Timestamp: 'timestamp',
  RecordID: 'EventRecordID',
  Id: 'EventID',
  ProviderName: 'Provider_Name',
  MachineName: 'Computer',
  TimeCreated: 'TimeCreated_SystemTime',
  LogName: 'Channel',
}
const windowsHint = ['EventID', 'Event ID', 'Id']

/** Cuts CSV whose first row names its columns into rows, each as one line of JSON. Quoted values may hold line ends. */
export class SeparatedCutter implements Cutter {
  private readonly decoder = new StringDecoder('utf8')
  private readonly limit: number
  private readonly add: AddRecord
  private text = ''
  private columns: string[] | undefined
  private cutRows = 0

  constructor(recordBytes: number, add: AddRecord) {
    this.limit = recordBytes
    this.add = add
  }

  push(bytes: Buffer, at: number): void {
    this.text += this.decoder.write(bytes)
    const end = lastRowEnd(this.text)
    if (end > 0) {
      const whole = this.text.slice(0, end)
      this.text = this.text.slice(end)
      this.rows(whole, at + bytes.length - Buffer.byteLength(this.text) - Buffer.byteLength(whole))
    } else if (this.text.length > this.limit) {
      // A quote that is never closed would hold the rest of the file: the row ends here.
      this.cutRows++
      this.rows(this.text, at)
      this.text = ''
    }
  }

  end(at: number): boolean {
    const text = this.text + this.decoder.end()
    this.rows(text, at - Buffer.byteLength(text))
    return true
  }

  warning(): string | undefined {
    return this.cutRows === 0 ? undefined : `${this.cutRows} rows were cut at ${this.limit} characters`
  }

  private rows(text: string, at: number): void {
    let end = at
    for (const { fields } of csvRows(text)) {
      end += 1 + fields.length
      if (!this.columns) {
        const isWindows = fields.some((name) => windowsHint.includes(name))
        this.columns = fields.map((name) => (isWindows ? (windowsColumns[name] ?? name) : name))
        continue
      }
      const row: Record<string, string> = Object.create(null)
      for (const [index, value] of fields.entries()) {
        // Event Viewer gives the message no name.
        const name = this.columns[index] ?? 'Message'
        if (value !== '' && value !== '-') row[name] = value
      }
      this.add(Buffer.from(JSON.stringify(row)), end)
    }
  }
}

/** Right after the last line end that stands outside quotes; 0 when there is none. */
function lastRowEnd(text: string): number {
  let quotes = 0
  let end = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 34) quotes++
    else if (code === 10 && quotes % 2 === 0) end = at + 1
  }
  return end
}
