import type { TcpTalk } from '../wire.ts'

export interface TlsParts {
  serverName?: string | undefined
  alpn?: string[]
  /** The cipher the server chooses, as RFC 8446 and IANA number them; TLS 1.2 unless it is one of TLS 1.3 (0x13..). */
  cipher?: number
  /** Ciphers the client offers. */
  ciphers?: number[]
  groups?: number[]
  version?: number
  /** Octets of data each way after the handshake. */
  dataBytes?: [sent: number, received: number]
}

const u16 = (value: number) => Buffer.from([value >> 8, value & 255])
const sized16 = (...parts: Uint8Array[]) => {
  const body = Buffer.concat(parts)
  return Buffer.concat([u16(body.length), body])
}
const sized8 = (...parts: Uint8Array[]) => {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([body.length]), body])
}

/** What a browser offers. */
const browserCiphers = [
  0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
] // biome-ignore format: a list

/** A handshake and some data in a connection (RFC 5246, RFC 8446): hellos in the clear, what follows sealed. */
export function tls(talk: TcpTalk, parts: TlsParts = {}): TcpTalk {
  const { cipher = 0x1301, dataBytes = [400, 1_200], version = 0x0303 } = parts
  talk.send(record(22, handshake(1, clientHello(parts)), 0x0301)).wait(15)
  const isNew = cipher >> 8 === 0x13
  const supported = isNew
    ? Buffer.concat([u16(43), u16(2), u16(0x0304)])
    : Buffer.concat([u16(0xff01), u16(1), Buffer.from([0])])
  const hello = Buffer.concat([
    u16(version),
    Buffer.alloc(32, 0x77),
    sized8(Buffer.alloc(isNew ? 32 : 0, 1)),
    u16(cipher),
    Buffer.from([0]),
    sized16(supported),
  ])
  const sealed = record(23, Buffer.alloc(900, 0xc3))
  talk.receive(Buffer.concat([record(22, handshake(2, hello)), record(20, Buffer.from([1])), sealed]))
  talk.send(Buffer.concat([record(20, Buffer.from([1])), record(23, Buffer.alloc(74, 0xc3))]))
  talk.send(record(23, Buffer.alloc(dataBytes[0], 0xd1))).wait(20)
  return talk.receive(record(23, Buffer.alloc(dataBytes[1], 0xd2)))
}

function clientHello({
  serverName,
  alpn = ['h2', 'http/1.1'],
  ciphers = browserCiphers,
  groups = [0x1d, 0x17, 0x18],
}: TlsParts): Buffer {
  const extension = (type: number, body: Uint8Array) => Buffer.concat([u16(type), sized16(body)])
  const extensions = [
    ...(serverName === undefined ? [] : [extension(0, sized16(Buffer.from([0]), sized16(Buffer.from(serverName))))]),
    extension(10, sized16(...groups.map(u16))),
    extension(11, sized8(Buffer.from([0]))),
    extension(13, sized16(u16(0x0403), u16(0x0804), u16(0x0401))),
    ...(alpn.length === 0 ? [] : [extension(16, sized16(...alpn.map((name) => sized8(Buffer.from(name)))))]),
    ...(ciphers.some((cipher) => cipher >> 8 === 0x13) ? [extension(43, sized8(u16(0x0304), u16(0x0303)))] : []),
  ]
  return Buffer.concat([
    ...[u16(0x0303), Buffer.alloc(32, 0x66), sized8(Buffer.alloc(32, 1)), sized16(...ciphers.map(u16))],
    ...[Buffer.from([1, 0]), sized16(...extensions)],
  ])
}

function handshake(type: number, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([type, body.length >> 16, (body.length >> 8) & 255, body.length & 255]), body])
}

function record(type: number, body: Uint8Array, version = 0x0303): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; at < body.length; at += 16_384) {
    const piece = body.subarray(at, at + 16_384)
    pieces.push(Buffer.concat([Buffer.from([type]), u16(version), u16(piece.length), piece]))
  }
  return Buffer.concat(pieces)
}
