import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import { u32be } from '../../lib/binary.ts'
import type { Side } from '../record.ts'
import type {
  Conversation,
  DatagramDissector,
  DatagramProtocol,
  FirstBytes,
  Recognition,
} from '../stream/conversation.ts'
import { clientHelloFields } from './tls.ts'
import { parseClientHello } from './tls-hello.ts'

/** Versions and the salts of their initial secrets: RFC 9001 section 5.2, RFC 9369 section 3.3.1, drafts 29 to 32 and 27. */
const versions = new Map<
  number,
  { name: string; salt: string; labels: [key: string, iv: string, headerProtection: string]; initialType: number }
>([
  [
    0x00000001,
    {
      name: '1',
      salt: '38762cf7f55934b34d179ae6a4c80cadccbb7f0a',
      labels: ['quic key', 'quic iv', 'quic hp'],
      initialType: 0,
    },
  ],
  [
    0x6b3343cf,
    {
      name: '2',
      salt: '0dede3def700a6db819381be6e269dcbf9bd2ed9',
      labels: ['quicv2 key', 'quicv2 iv', 'quicv2 hp'],
      initialType: 1,
    },
  ],
  [
    0xff00001d,
    {
      name: 'draft-29',
      salt: 'afbfec289993d24c9e9786f19c6111e04390a899',
      labels: ['quic key', 'quic iv', 'quic hp'],
      initialType: 0,
    },
  ],
  [
    0xff00001b,
    {
      name: 'draft-27',
      salt: 'c3eef712c72ebb5a11a7d2432bb46365bef9f502',
      labels: ['quic key', 'quic iv', 'quic hp'],
      initialType: 0,
    },
  ],
])

/** A hello may be spread over several packets; beyond this it is no browser's. */
const helloBytesLimit = 16_384
const packetTries = 12

/** QUIC: the server's name and fingerprint from the client's first packets, whose keys everybody can derive (RFC 9001). */
export const quic: DatagramProtocol = {
  name: 'quic',
  recognise({ side, bytes, start, end }: FirstBytes): Recognition {
    if (end - start < 40 || side !== 0) return 'no'
    const first = bytes[start]!
    // A long header with the fixed bit, a version we know, connection ids of lawful length.
    return (first & 0xc0) === 0xc0 && versions.has(u32be(bytes, start + 1)) && bytes[start + 5]! <= 20 ? 'yes' : 'no'
  },
  create: (conversation) => new QuicDissector(conversation),
}

class QuicDissector implements DatagramDissector {
  private readonly conversation: Conversation
  private readonly pieces: { offset: number; bytes: Buffer }[] = []
  private tries = 0
  private told = false
  private keys: { key: Buffer; iv: Buffer; headerProtection: Buffer } | undefined

  constructor(conversation: Conversation) {
    this.conversation = conversation
  }

  datagram(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    if (side === 1) return true
    if (++this.tries > packetTries) return false
    let at = start
    while (at < end && !this.told) {
      const next = this.packet(bytes, at, end, timeUs)
      if (next <= at) break
      at = next
    }
    return !this.told
  }

  end(): void {
    // A hello that never became whole has nothing to tell.
  }

  /** Reads an initial packet; answers where the next one in the datagram begins, or -1. */
  private packet(bytes: Uint8Array, start: number, end: number, timeUs: number): number {
    if (end - start < 20 || (bytes[start]! & 0x80) === 0) return -1
    const version = versions.get(u32be(bytes, start + 1))
    if (!version || ((bytes[start]! >> 4) & 3) !== version.initialType) return -1
    let at = start + 5
    const idLength = bytes[at]!
    const id = Buffer.from(bytes.subarray(at + 1, at + 1 + idLength))
    at += 1 + idLength
    at += 1 + (bytes[at] ?? 0)
    const token = variableInteger(bytes, at, end)
    if (!token) return -1
    at = token.next + token.value
    const length = variableInteger(bytes, at, end)
    if (!length) return -1
    at = length.next
    const stop = at + length.value
    if (stop > end || length.value < 20) return -1
    const plain = this.decrypt(bytes, start, at, stop, id, version)
    if (plain) this.frames(plain, timeUs, version.name)
    return stop
  }

  private decrypt(
    bytes: Uint8Array,
    start: number,
    numberAt: number,
    stop: number,
    id: Buffer,
    version: { salt: string; labels: [string, string, string] },
  ): Buffer | undefined {
    const keys = this.keysFor(id, version)
    const sample = bytes.subarray(numberAt + 4, numberAt + 20)
    const mask = createCipheriv('aes-128-ecb', keys.headerProtection, null).update(sample)
    const firstOctet = bytes[start]! ^ (mask[0]! & 0x0f)
    const numberLength = (firstOctet & 3) + 1
    const header = Buffer.from(bytes.subarray(start, numberAt + numberLength))
    header[0] = firstOctet
    let number = 0
    for (let index = 0; index < numberLength; index++) {
      const octet = bytes[numberAt + index]! ^ mask[1 + index]!
      header[numberAt - start + index] = octet
      number = number * 256 + octet
    }
    const nonce = Buffer.from(keys.iv)
    for (let index = 0; index < 4; index++) nonce[11 - index]! ^= (number >>> (8 * index)) & 0xff
    const decipher = createDecipheriv('aes-128-gcm', keys.key, nonce)
    decipher.setAAD(header)
    decipher.setAuthTag(bytes.subarray(stop - 16, stop))
    try {
      return Buffer.concat([decipher.update(bytes.subarray(numberAt + numberLength, stop - 16)), decipher.final()])
    } catch {
      // After a retry the keys belong to another id, and some captures begin later: nothing to read then.
      return undefined
    }
  }

  private keysFor(id: Buffer, { salt, labels }: { salt: string; labels: [string, string, string] }) {
    // The server chooses another id for what follows, but the keys stay those of the first.
    if (this.keys) return this.keys
    const initial = hkdfExtract(Buffer.from(salt, 'hex'), id)
    const client = expandLabel(initial, 'client in', 32)
    this.keys = {
      key: expandLabel(client, labels[0], 16),
      iv: expandLabel(client, labels[1], 12),
      headerProtection: expandLabel(client, labels[2], 16),
    }
    return this.keys
  }

  private frames(plain: Buffer, timeUs: number, version: string): void {
    let at = 0
    while (at < plain.length) {
      const type = plain[at]!
      if (type === 0 || type === 1) {
        at++
        continue
      }
      if (type === 2 || type === 3) {
        at = skipAcknowledgement(plain, at)
        if (at < 0) return
        continue
      }
      if (type !== 6) return
      const offset = variableInteger(plain, at + 1, plain.length)
      const length = offset && variableInteger(plain, offset.next, plain.length)
      if (!offset || !length || length.next + length.value > plain.length) return
      if (offset.value + length.value <= helloBytesLimit && this.pieces.length < 64)
        this.pieces.push({ offset: offset.value, bytes: plain.subarray(length.next, length.next + length.value) })
      at = length.next + length.value
    }
    this.tryHello(timeUs, version)
  }

  private tryHello(timeUs: number, version: string): void {
    const pieces = this.pieces.sort((one, two) => one.offset - two.offset)
    let whole = Buffer.alloc(0)
    for (const { offset, bytes } of pieces) {
      if (offset > whole.length) return
      if (offset + bytes.length > whole.length) whole = Buffer.concat([whole.subarray(0, offset), bytes])
    }
    if (whole.length < 4 || whole[0] !== 1) return
    const length = whole.readUIntBE(1, 3)
    if (whole.length < 4 + length) return
    const hello = parseClientHello(whole, 4, 4 + length)
    if (!hello) return
    this.told = true
    this.conversation.emit('tls', timeUs, {
      'traffic.quic.version': version,
      'tls.version': '1.3',
      ...clientHelloFields(hello, 'q'),
    })
  }
}

function skipAcknowledgement(plain: Buffer, start: number): number {
  let at = start + 1
  const read = () => {
    const found = variableInteger(plain, at, plain.length)
    if (found) at = found.next
    return found
  }
  const [largest, delay, count, first] = [read(), read(), read(), read()]
  if (!largest || !delay || !count || !first || count.value > 256) return -1
  for (let index = 0; index < 2 * count.value; index++) if (!read()) return -1
  if (plain[start] === 3) for (let index = 0; index < 3; index++) if (!read()) return -1
  return at
}

/** RFC 9000 section 16. */
function variableInteger(bytes: Uint8Array, at: number, end: number): { value: number; next: number } | undefined {
  if (at >= end) return undefined
  const length = 1 << (bytes[at]! >> 6)
  if (at + length > end) return undefined
  let value = bytes[at]! & 0x3f
  for (let index = 1; index < length; index++) value = value * 256 + bytes[at + index]!
  return { value, next: at + length }
}

/** HKDF-Extract of RFC 5869. */
function hkdfExtract(salt: Buffer, key: Buffer): Buffer {
  return createHmac('sha256', salt).update(key).digest()
}

/** HKDF-Expand-Label of RFC 8446 section 7.1 with an empty context, for at most one block. */
function expandLabel(secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`)
  const info = Buffer.concat([Buffer.from([length >> 8, length & 255, name.length]), name, Buffer.from([0, 1])])
  return createHmac('sha256', secret).update(info).digest().subarray(0, length)
}
