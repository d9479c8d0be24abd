import { isUtf8 } from 'node:buffer'

/** Longest part of a record that is parsed; the rest is kept in the raw bytes alone. */
const parsedBytesLimit = 1 << 20
/** Longest record that is kept; a longer one is cut, with the tag `raw_truncated`. */
export const rawBytesLimit = 16 << 20

const gb18030 = new TextDecoder('gb18030', { fatal: true })

export interface Decoded {
  text: string
  /** Marks for the event: which encoding was fallen back to, and whether the record was cut. */
  tags: string[] | undefined
}

/**
 * Text of a record: UTF-8 when it is valid, else GB18030 when that decodes cleanly, else Latin-1, which always does.
 * A byte order mark is dropped. Only the first MiB is decoded.
 */
export function decode(body: Uint8Array): Decoded {
  let bytes = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  let tags: string[] | undefined
  if (bytes.length > parsedBytesLimit) {
    bytes = bytes.subarray(0, endOfCharacter(bytes, parsedBytesLimit))
    tags = ['parse_truncated']
  }
  const text = bytes.toString('utf8')
  // U+FFFD stands where bytes were not UTF-8, unless the sender wrote that character itself.
  if (!text.includes('\ufffd') || isUtf8(bytes)) {
    return { text: text.charCodeAt(0) === 0xfeff ? text.slice(1) : text, tags }
  }
  if (bytes[0] === 0xff && bytes[1] === 0xfe) {
    return { text: bytes.subarray(2).toString('utf16le'), tags: ['decoded_utf16', ...(tags ?? [])] }
  }
  try {
    return { text: gb18030.decode(bytes), tags: ['decoded_gb18030', ...(tags ?? [])] }
  } catch {
    return { text: bytes.toString('latin1'), tags: ['decoded_latin1', ...(tags ?? [])] }
  }
}

/** Moves a cut back so that it does not split a UTF-8 character. */
function endOfCharacter(bytes: Buffer, limit: number): number {
  let end = limit
  while (end > limit - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return end
}
