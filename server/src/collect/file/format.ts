import { CodedError } from '../../event/errors.ts'
import { csvRows } from '../../lib/csv.ts'

/**
 * How a file is cut into records: `lines` joins a line that starts with white space to the one before (stack traces);
 * `ndjson` and `zeek` take every line as it is, Zeek's `#` header lines included; `json` is an array of values, or
 * documents one after the other, pretty-printed or not (evtx_dump writes `Record N` between them); `evtx` is a binary
 * Windows event log; `windows-xml` holds rendered `<Event>` elements; `csv` has the names of its columns in the first row;
 * `capture` is a packet capture (pcap, pcapng), whose records tell what its conversations say.
 */
export type FileFormat = 'lines' | 'ndjson' | 'zeek' | 'json' | 'evtx' | 'windows-xml' | 'csv' | 'capture'

const byteOrderMark = [0xef, 0xbb, 0xbf]

/** Files that a parser could make nothing of, by their first bytes; hex. */
const refusedSignatures: [string, string][] = [
  ['504b0304', 'a ZIP archive inside another file'],
  ['28b52ffd', 'compressed with Zstandard'],
  ['fd377a585a00', 'compressed with XZ'],
  ['425a68', 'compressed with bzip2'],
]

/** pcap in both byte orders, with microseconds or nanoseconds, and pcapng; hex. */
const captureSignatures = ['d4c3b2a1', 'a1b2c3d4', '4d3cb2a1', 'a1b23c4d', '0a0d0d0a']

/** True for the two first bytes of gzip (RFC 1952). */
export function isGzip(head: Buffer): boolean {
  return head[0] === 0x1f && head[1] === 0x8b
}

/** Bytes of a UTF-8 byte order mark at the start. */
export function byteOrderMarkBytes(head: Buffer): number {
  return byteOrderMark.every((byte, index) => head[index] === byte) ? byteOrderMark.length : 0
}

/**
 * The format of a file by its first (uncompressed) bytes. Throws IMPORT_UNSUPPORTED for binary formats, which as text
 * would only fill the store with rubbish.
 */
export function detectFormat(head: Buffer): FileFormat {
  const hex = head.subarray(0, 8).toString('hex')
  if (hex === '456c6646696c6500' || hex === '456c6643686e6b00') return 'evtx'
  if (isCapture(head)) return 'capture'
  const refused = refusedSignatures.find(([signature]) => hex.startsWith(signature))
  if (refused) throw new CodedError('IMPORT_UNSUPPORTED', `The file is ${refused[1]}`, { kind: refused[1] })
  const text = head.subarray(byteOrderMarkBytes(head)).toString('utf8')
  if (/^#separator\s/.test(text)) return 'zeek'
  const first = text.trimStart()
  if (/^Record \d+\s*\{/.test(first)) return 'json'
  if (first.startsWith('[') && /^\[\s*[{["\]]/.test(first)) return 'json'
  if (/^(?:<\?xml[^>]{0,200}\?>\s*)?(?:<Events>\s*)?<Event[\s>]/.test(first)) return 'windows-xml'
  if (!first.startsWith('{')) return hasColumnNames(text) ? 'csv' : 'lines'
  const end = first.indexOf('\n')
  // One complete value a line is NDJSON; an opening line that is no value by itself is a pretty-printed document.
  return end < 0 || isJson(first.slice(0, end)) ? 'ndjson' : 'json'
}

/** True when the content begins as a capture of packets does. */
export function isCapture(head: Buffer): boolean {
  const hex = head.subarray(0, 4).toString('hex')
  return captureSignatures.some((signature) => hex.startsWith(signature))
}

/**
 * True when the first row names columns: three or more different names, none of them a number, a date or a pair, and a second
 * row of as many values.
 */
function hasColumnNames(text: string): boolean {
  const end = text.indexOf('\n')
  if (end < 0) return false
  const rows: string[][] = []
  for (const { fields } of csvRows(text.slice(0, 256 * 1_024))) {
    rows.push(fields)
    if (rows.length === 2) break
  }
  const [names = [], values = []] = rows
  if (names.length < 3 || values.length < names.length || values.length > names.length + 1) return false
  return new Set(names).size === names.length && names.every((name) => /^[\p{L}@_][^={}[\]<>:]{0,80}$/u.test(name))
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
