/** Bytes as they came: decoding, finding what matched in them, and the rows of the hex view. */

/** Bytes shown at once; a gigantic record must not freeze the page. */
export const shownByteLimit = 16_384

export function decodeBase64(text: string): Uint8Array {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index)
  return bytes
}

export type Range = [start: number, end: number]

/** Sorted, overlapping ranges joined. */
function joinRanges(ranges: Range[]): Range[] {
  const joined: Range[] = []
  for (const [start, end] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1)
    if (last && start <= last[1]) last[1] = Math.max(last[1], end)
    else joined.push([start, end])
  }
  return joined
}

const lower = (byte: number) => (byte >= 65 && byte <= 90 ? byte + 32 : byte)

/** Where the needles occur in the bytes, ASCII letters in either case. At most `limit` places. */
export function findBytes(bytes: Uint8Array, needles: string[], limit = 200): Range[] {
  const encoder = new TextEncoder()
  const found: Range[] = []
  for (const needle of needles) {
    const wanted = encoder.encode(needle).map(lower)
    if (wanted.length === 0 || wanted.length > bytes.length) continue
    for (let start = 0; start + wanted.length <= bytes.length && found.length < limit; start++) {
      let length = 0
      while (length < wanted.length && lower(bytes[start + length]!) === wanted[length]) length++
      if (length === wanted.length) {
        found.push([start, start + length])
        start += length - 1
      }
    }
  }
  return joinRanges(found)
}

/** Where the needles occur in the text, in either case. */
export function findText(text: string, needles: string[], limit = 200): Range[] {
  const haystack = text.toLowerCase()
  // Lower-casing may change the length (e.g. İ); positions would then be wrong, so the exact spelling is searched.
  const exact = haystack.length !== text.length
  const found: Range[] = []
  for (const needle of needles) {
    if (!needle) continue
    const wanted = exact ? needle : needle.toLowerCase()
    let at = (exact ? text : haystack).indexOf(wanted)
    while (at >= 0 && found.length < limit) {
      found.push([at, at + wanted.length])
      at = (exact ? text : haystack).indexOf(wanted, at + wanted.length)
    }
  }
  return joinRanges(found)
}

export interface Piece {
  text: string
  marked: boolean
}

/** The text cut at the ranges. */
export function cut(text: string, ranges: Range[]): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  for (const [start, end] of ranges) {
    if (start > at) pieces.push({ text: text.slice(at, start), marked: false })
    pieces.push({ text: text.slice(start, end), marked: true })
    at = end
  }
  if (at < text.length) pieces.push({ text: text.slice(at), marked: false })
  return pieces
}

export interface HexRow {
  offset: string
  hex: Piece[]
  text: Piece[]
}

/** Rows of 16 bytes: offset, hex, printable ASCII (others as a dot). */
export function hexRows(bytes: Uint8Array, ranges: Range[]): HexRow[] {
  const marked = new Uint8Array(bytes.length)
  for (const [start, end] of ranges) marked.fill(1, start, end)
  const rows: HexRow[] = []
  for (let start = 0; start < bytes.length; start += 16) {
    const hex: Piece[] = []
    const text: Piece[] = []
    for (let index = start; index < start + 16; index++) {
      const gap = index === start + 8 ? ' ' : ''
      if (index >= bytes.length) {
        add(hex, `${gap}   `, false)
        continue
      }
      const byte = bytes[index]!
      const isMarked = marked[index] === 1
      add(hex, `${gap}${byte.toString(16).padStart(2, '0')} `, isMarked)
      add(text, byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·', isMarked)
    }
    rows.push({ offset: start.toString(16).padStart(8, '0'), hex, text })
  }
  return rows
}

function add(pieces: Piece[], text: string, marked: boolean) {
  const last = pieces.at(-1)
  if (last && last.marked === marked) last.text += text
  else pieces.push({ text, marked })
}

/** Values that matched a rule, as needles: no empties, longest first, so that a part does not hide the whole. */
export function needlesOf(matched: { value: string }[]): string[] {
  return [
    ...new Set(matched.map(({ value }) => value.replace(/^\*+|\*+$/g, '')).filter((value) => value.length > 0)),
  ].sort((a, b) => b.length - a.length)
}
