import { CodedError } from '../../event/errors.ts'

/**
 * How a file is cut into records: `lines` joins a line that starts with white space to the one before (stack traces);
 * `ndjson` and `zeek` take every line as it is, Zeek's `#` header lines included; `json` is an array of values, or
 * documents one after the other, pretty-printed or not (evtx_dump writes `Record N` between them).
 */
export type FileFormat = 'lines' | 'ndjson' | 'zeek' | 'json'

const byteOrderMark = [0xef, 0xbb, 0xbf]

/** Files that a parser could make nothing of, by their first bytes; hex. */
const refusedSignatures: [string, string][] = [
  ['456c6646696c6500', 'a binary Windows event log (EVTX)'],
  ['d4c3b2a1', 'a packet capture'],
  ['a1b2c3d4', 'a packet capture'],
  ['4d3cb2a1', 'a packet capture'],
  ['0a0d0d0a', 'a packet capture (pcapng)'],
  ['504b0304', 'a ZIP archive'],
  ['28b52ffd', 'compressed with Zstandard'],
  ['fd377a585a00', 'compressed with XZ'],
  ['425a68', 'compressed with bzip2'],
  ['fffe', 'text in UTF-16'],
  ['feff', 'text in UTF-16'],
]

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
  const refused = refusedSignatures.find(([signature]) => hex.startsWith(signature))
  if (refused) throw new CodedError('IMPORT_UNSUPPORTED', `The file is ${refused[1]}`, { kind: refused[1] })
  const text = head.subarray(byteOrderMarkBytes(head)).toString('utf8')
  if (/^#separator\s/.test(text)) return 'zeek'
  const first = text.trimStart()
  if (/^Record \d+\s*\{/.test(first)) return 'json'
  if (first.startsWith('[') && /^\[\s*[{["\]]/.test(first)) return 'json'
  if (!first.startsWith('{')) return 'lines'
  const end = first.indexOf('\n')
  // One complete value a line is NDJSON; an opening line that is no value by itself is a pretty-printed document.
  return end < 0 || isJson(first.slice(0, end)) ? 'ndjson' : 'json'
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
