import { decode } from '../normalise/decode.ts'

/** Longest text of a record shown for reading; the bytes are given whole. */
const textLimit = 256 << 10

export interface ReadableBytes {
  base64: string
  text: string
  encoding: 'utf-8' | 'utf-16' | 'gb18030' | 'latin1' | 'binary'
  sizeBytes: number
}

const encodingByTag: [string, ReadableBytes['encoding']][] = [
  ['decoded_utf16', 'utf-16'],
  ['decoded_gb18030', 'gb18030'],
  ['decoded_latin1', 'latin1'],
]

/** The bytes of a record exactly as they came, and as a person reads them, decoded as the parsers did. */
export function readable(raw: Buffer): ReadableBytes {
  const { text, tags } = decode(raw)
  const decoded = encodingByTag.find(([tag]) => tags?.includes(tag))?.[1] ?? 'utf-8'
  // A NUL is no part of any text.
  const encoding = decoded !== 'utf-16' && raw.includes(0) ? 'binary' : decoded
  return { base64: raw.toString('base64'), text: text.slice(0, textLimit), encoding, sizeBytes: raw.length }
}
