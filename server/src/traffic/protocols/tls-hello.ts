import { createHash } from 'node:crypto'
import { latin1, u16be } from '../../lib/binary.ts'

export interface ClientHello {
  /** Version of the hello itself, e.g. 0x0303. */
  version: number
  ciphers: number[]
  extensions: number[]
  curves: number[]
  pointFormats: number[]
  signatureAlgorithms: number[]
  supportedVersions: number[]
  alpn: string[]
  serverName: string | undefined
  hasSessionTicket: boolean
  sessionIdBytes: number
}

export interface ServerHello {
  version: number
  cipher: number
  extensions: number[]
  alpn: string | undefined
  isRetry: boolean
}

const extension = {
  serverName: 0,
  supportedGroups: 10,
  pointFormats: 11,
  signatureAlgorithms: 13,
  alpn: 16,
  sessionTicket: 35,
  supportedVersions: 43,
} as const

/** RFC 8701: values that mean nothing, sent so that servers stay tolerant; fingerprints leave them out. */
function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff)
}

/** Body of a ClientHello (RFC 8446 section 4.1.2, RFC 6347 for DTLS, which has a cookie); undefined when damaged. */
export function parseClientHello(
  bytes: Uint8Array,
  start: number,
  end: number,
  isDatagram = false,
): ClientHello | undefined {
  let at = start
  if (end - at < 35) return undefined
  const hello: ClientHello = {
    version: u16be(bytes, at),
    ciphers: [],
    extensions: [],
    curves: [],
    pointFormats: [],
    signatureAlgorithms: [],
    supportedVersions: [],
    alpn: [],
    serverName: undefined,
    hasSessionTicket: false,
    sessionIdBytes: bytes[at + 34]!,
  }
  at += 35 + hello.sessionIdBytes
  if (isDatagram) {
    if (at >= end) return undefined
    at += 1 + bytes[at]!
  }
  if (at + 2 > end) return undefined
  const cipherBytes = u16be(bytes, at)
  at += 2
  if (at + cipherBytes + 1 > end) return undefined
  hello.ciphers = list16(bytes, at, at + cipherBytes)
  at += cipherBytes
  at += 1 + bytes[at]!
  if (at > end) return undefined
  eachExtension(bytes, at, end, (type, from, to) => {
    hello.extensions.push(type)
    switch (type) {
      case extension.serverName:
        // A list with one kind of name in use, host_name (RFC 6066 section 3).
        if (to - from >= 5 && bytes[from + 2] === 0) {
          const length = u16be(bytes, from + 3)
          if (from + 5 + length <= to) hello.serverName = latin1(bytes, from + 5, from + 5 + length)
        }
        break
      case extension.supportedGroups:
        if (to - from >= 2) hello.curves = list16(bytes, from + 2, to)
        break
      case extension.pointFormats:
        if (to - from >= 1) hello.pointFormats = [...bytes.subarray(from + 1, to)]
        break
      case extension.signatureAlgorithms:
        if (to - from >= 2) hello.signatureAlgorithms = list16(bytes, from + 2, to)
        break
      case extension.alpn:
        hello.alpn = alpnNames(bytes, from, to)
        break
      case extension.sessionTicket:
        hello.hasSessionTicket = to > from
        break
      case extension.supportedVersions:
        if (to - from >= 1) hello.supportedVersions = list16(bytes, from + 1, to)
        break
    }
  })
  return hello
}

/** SHA-256 of "HelloRetryRequest", which stands in place of the random (RFC 8446 section 4.1.3). */
const retryRandom = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c'

export function parseServerHello(bytes: Uint8Array, start: number, end: number): ServerHello | undefined {
  if (end - start < 38) return undefined
  const hello: ServerHello = {
    version: u16be(bytes, start),
    cipher: 0,
    extensions: [],
    alpn: undefined,
    isRetry: Buffer.from(bytes.subarray(start + 2, start + 34)).toString('hex') === retryRandom,
  }
  let at = start + 35 + bytes[start + 34]!
  if (at + 3 > end) return undefined
  hello.cipher = u16be(bytes, at)
  at += 3
  eachExtension(bytes, at, end, (type, from, to) => {
    hello.extensions.push(type)
    if (type === extension.supportedVersions && to - from === 2) hello.version = u16be(bytes, from)
    if (type === extension.alpn) hello.alpn = alpnNames(bytes, from, to)[0]
  })
  return hello
}

function eachExtension(
  bytes: Uint8Array,
  start: number,
  end: number,
  take: (type: number, from: number, to: number) => void,
): void {
  if (start + 2 > end) return
  let at = start + 2
  const stop = Math.min(end, at + u16be(bytes, start))
  while (at + 4 <= stop) {
    const length = u16be(bytes, at + 2)
    if (at + 4 + length > stop) return
    take(u16be(bytes, at), at + 4, at + 4 + length)
    at += 4 + length
  }
}

function list16(bytes: Uint8Array, start: number, end: number): number[] {
  const list: number[] = []
  for (let at = start; at + 2 <= end; at += 2) list.push(u16be(bytes, at))
  return list
}

function alpnNames(bytes: Uint8Array, start: number, end: number): string[] {
  const names: string[] = []
  for (let at = start + 2; at < end; at += 1 + bytes[at]!) {
    if (bytes[at] === 0 || at + 1 + bytes[at]! > end) break
    names.push(latin1(bytes, at + 1, at + 1 + bytes[at]!))
  }
  return names
}

/** The text behind a JA3 fingerprint (https://github.com/salesforce/ja3). */
export function ja3Text(hello: ClientHello): string {
  const list = (numbers: number[]) => numbers.filter((value) => !isGrease(value)).join('-')
  return `${hello.version},${list(hello.ciphers)},${list(hello.extensions)},${list(hello.curves)},${hello.pointFormats.join('-')}`
}

export function ja3sText(hello: ServerHello, recordVersion: number): string {
  const version = hello.extensions.includes(extension.supportedVersions) ? recordVersion : hello.version
  return `${version},${hello.cipher},${hello.extensions.join('-')}`
}

export function md5(value: string): string {
  return createHash('md5').update(value).digest('hex')
}

const ja4Versions: Record<number, string> = {
  772: '13',
  771: '12',
  770: '11',
  769: '10',
  768: 's3',
  2: 's2',
  65279: 'd1',
  65277: 'd2',
  65276: 'd3',
}

/**
 * JA4, the TLS client's fingerprint (https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4.md; this one of the
 * family is under a BSD licence).
 */
export function ja4(hello: ClientHello, carrier: 't' | 'q' | 'd'): string {
  const ciphers = hello.ciphers.filter((value) => !isGrease(value))
  const extensions = hello.extensions.filter((value) => !isGrease(value))
  const versions = hello.supportedVersions.filter((value) => !isGrease(value))
  // DTLS counts its versions downwards.
  const highest =
    versions.length === 0 ? hello.version : carrier === 'd' ? Math.min(...versions) : Math.max(...versions)
  const count = (length: number) => String(Math.min(99, length)).padStart(2, '0')
  const head = `${carrier}${ja4Versions[highest] ?? '00'}${extensions.includes(0) ? 'd' : 'i'}${count(ciphers.length)}${count(extensions.length)}${ja4Alpn(hello.alpn[0])}`
  const hex4 = (value: number) => value.toString(16).padStart(4, '0')
  const cipherText = ciphers.map(hex4).sort().join(',')
  const extensionText = extensions
    .filter((value) => value !== extension.serverName && value !== extension.alpn)
    .map(hex4)
    .sort()
    .join(',')
  const signatures = hello.signatureAlgorithms
    .filter((value) => !isGrease(value))
    .map(hex4)
    .join(',')
  const tail = signatures === '' ? extensionText : `${extensionText}_${signatures}`
  return `${head}_${ciphers.length === 0 ? '000000000000' : shortHash(cipherText)}_${extensions.length === 0 ? '000000000000' : shortHash(tail)}`
}

function ja4Alpn(name: string | undefined): string {
  if (!name) return '00'
  const first = name[0]!
  const last = name.at(-1)!
  if (/[A-Za-z0-9]/.test(first) && /[A-Za-z0-9]/.test(last)) return first + last
  const hexName = Buffer.from(name, 'latin1').toString('hex')
  return hexName[0]! + hexName.at(-1)!
}

function shortHash(value: string): string {
  return createHash('sha256').update(value).digest('hex').slice(0, 12)
}
