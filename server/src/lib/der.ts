/** One element of ASN.1 in distinguished encoding (ITU-T X.690): where its content lies. */
export interface DerElement {
  /** The identifier octet: class, constructed bit and number below 31. */
  tag: number
  start: number
  end: number
}

/** The element at `at`, or undefined when it does not lie within `end`. Definite lengths of up to four octets. */
export function derElement(bytes: Uint8Array, at: number, end: number): DerElement | undefined {
  if (at + 2 > end) return undefined
  const tag = bytes[at]!
  // Numbers of 31 and above take more octets; no protocol we read has them.
  if ((tag & 0x1f) === 0x1f) return undefined
  let length = bytes[at + 1]!
  let start = at + 2
  if (length >= 0x80) {
    const octets = length & 0x7f
    if (octets === 0 || octets > 4 || start + octets > end) return undefined
    length = 0
    for (let index = 0; index < octets; index++) length = length * 256 + bytes[start + index]!
    start += octets
  }
  return start + length > end ? undefined : { tag, start, end: start + length }
}

/** The elements within `[start, end)`, as far as they can be read. */
export function derChildren(bytes: Uint8Array, start: number, end: number): DerElement[] {
  const children: DerElement[] = []
  let at = start
  while (at < end && children.length < 256) {
    const child = derElement(bytes, at, end)
    if (!child) break
    children.push(child)
    at = child.end
  }
  return children
}

/** A whole number of up to six octets. */
export function derInteger(bytes: Uint8Array, { start, end }: DerElement): number {
  let value = bytes[start]! & 0x80 ? -1 : 0
  for (let at = start; at < end && at < start + 6; at++) value = value * 256 + bytes[at]!
  return value
}
