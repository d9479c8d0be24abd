import { isIpv4, parseIpv6 } from '../../lib/ip-address.ts'

/** A buffer that one giant block has grown beyond this is not kept. */
const keptBytes = 32 << 20

/** Bytes that grow; strings are written with their length before them, as Native wants. */
export class NativeBytes {
  bytes = Buffer.allocUnsafeSlow(1 << 12)
  length = 0

  reserve(byteCount: number): void {
    const needed = this.length + byteCount
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }

  zeros(count: number): void {
    if (count <= 0) return
    this.reserve(count)
    this.bytes.fill(0, this.length, this.length + count)
    this.length += count
  }

  varint(value: number): void {
    this.reserve(6)
    let rest = value
    while (rest > 127) {
      this.bytes[this.length++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.bytes[this.length++] = rest
  }

  string(value: string): void {
    const count = value.length
    this.reserve(count * 3 + 5)
    const { bytes } = this
    // Most strings are short and ASCII, and a loop beats the call into C++ for them.
    if (count < 32) {
      let position = this.length
      bytes[position++] = count
      let index = 0
      for (; index < count; index++) {
        const code = value.charCodeAt(index)
        if (code > 127) break
        bytes[position++] = code
      }
      if (index === count) {
        this.length = position
        return
      }
    }
    // The length in bytes is known only afterwards, so it is written with a fixed width: varints may be padded.
    const width = count < 43 ? 1 : count < 5_461 ? 2 : count < 699_051 ? 3 : 5
    const written = bytes.write(value, this.length + width, 'utf8')
    this.#paddedVarint(written, width)
    this.length += width + written
  }

  blob(value: Uint8Array, start: number, end: number): void {
    this.varint(end - start)
    this.reserve(end - start)
    if (end > start)
      this.bytes.set(start === 0 && end === value.length ? value : value.subarray(start, end), this.length)
    this.length += end - start
  }

  u64(value: number): void {
    this.reserve(8)
    this.bytes.writeUInt32LE(value % 0x1_0000_0000, this.length)
    this.bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), this.length + 4)
    this.length += 8
  }

  view(): Uint8Array {
    return this.bytes.subarray(0, this.length)
  }

  reset(): void {
    this.length = 0
    if (this.bytes.length > keptBytes) this.bytes = Buffer.allocUnsafeSlow(1 << 12)
  }

  #paddedVarint(value: number, width: number): void {
    let rest = value
    for (let index = 0; index < width - 1; index++) {
      this.bytes[this.length + index] = (rest & 127) | 128
      rest = Math.floor(rest / 128)
    }
    this.bytes[this.length + width - 1] = rest
  }
}

/** Writes an address as 16 bytes; false when the text is none. IPv4 becomes `::ffff:a.b.c.d`. */
export function writeIp(text: string, bytes: Uint8Array, start: number): boolean {
  if (isIpv4(text)) {
    bytes.fill(0, start, start + 10)
    bytes[start + 10] = 255
    bytes[start + 11] = 255
    let part = 0
    let position = start + 12
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (code === 46) {
        bytes[position++] = part
        part = 0
      } else part = part * 10 + code - 48
    }
    bytes[position] = part
    return true
  }
  const groups = parseIpv6(text)
  if (groups === undefined) return false
  for (let index = 0; index < 8; index++) {
    bytes[start + index * 2] = groups[index]! >> 8
    bytes[start + index * 2 + 1] = groups[index]! & 255
  }
  return true
}
