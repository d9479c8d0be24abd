import { hex, latin1, u16be, u32be } from '../../lib/binary.ts'
import { canonicalIpOf } from '../../lib/ip-octets.ts'

export interface DnsAnswer {
  name: string
  type: string
  class: string
  ttlSeconds: number
  data: string
}

export interface DnsMessage {
  id: number
  isResponse: boolean
  opCode: string
  responseCode: string
  /** `AA`, `TC`, `RD`, `RA`, `AD`, `CD` as set. */
  flags: string[]
  questions: { name: string; type: string; class: string }[]
  answers: DnsAnswer[]
  authorityCount: number
  additionalCount: number
  /** Length of the UDP payload the sender takes (EDNS, RFC 6891), when it says so. */
  ednsUdpBytes?: number
  /** The records after the questions could not be read to their end. */
  isDamaged: boolean
}

const headerBytes = 12
/** RFC 1035 section 2.3.4: names of at most 255 octets; every jump of compression must go back. */
const nameBytesLimit = 255
const recordLimit = 256
const textLimit = 4_096

/** IANA: Domain Name System (DNS) Parameters, resource record types in use. */
const typeNames: Record<number, string> = {
  1: 'A',
  2: 'NS',
  3: 'MD',
  4: 'MF',
  5: 'CNAME',
  6: 'SOA',
  7: 'MB',
  8: 'MG',
  9: 'MR',
  10: 'NULL',
  11: 'WKS',
  12: 'PTR',
  13: 'HINFO',
  14: 'MINFO',
  15: 'MX',
  16: 'TXT',
  17: 'RP',
  18: 'AFSDB',
  24: 'SIG',
  25: 'KEY',
  28: 'AAAA',
  29: 'LOC',
  33: 'SRV',
  35: 'NAPTR',
  36: 'KX',
  37: 'CERT',
  39: 'DNAME',
  41: 'OPT',
  43: 'DS',
  44: 'SSHFP',
  46: 'RRSIG',
  47: 'NSEC',
  48: 'DNSKEY',
  50: 'NSEC3',
  51: 'NSEC3PARAM',
  52: 'TLSA',
  59: 'CDS',
  60: 'CDNSKEY',
  61: 'OPENPGPKEY',
  64: 'SVCB',
  65: 'HTTPS',
  99: 'SPF',
  249: 'TKEY',
  250: 'TSIG',
  251: 'IXFR',
  252: 'AXFR',
  255: 'ANY',
  256: 'URI',
  257: 'CAA',
  32: 'NB',
  65305: 'NULL',
}
delete typeNames[65305]

const classNames: Record<number, string> = { 1: 'IN', 2: 'CS', 3: 'CH', 4: 'HS', 254: 'NONE', 255: 'ANY' }
const opCodes = ['QUERY', 'IQUERY', 'STATUS', '3', 'NOTIFY', 'UPDATE', 'DSO']
const responseCodes = [
  'NOERROR',
  'FORMERR',
  'SERVFAIL',
  'NXDOMAIN',
  'NOTIMP',
  'REFUSED',
  'YXDOMAIN',
  'YXRRSET',
  'NXRRSET',
  'NOTAUTH',
  'NOTZONE',
]

/** Reads a DNS message (RFC 1035); undefined when it is none. mDNS and LLMNR have the same form. */
export function parseDns(bytes: Uint8Array, start: number, end: number): DnsMessage | undefined {
  if (!mayBeDns(bytes, start, end)) return undefined
  const word = u16be(bytes, start + 2)
  const isResponse = word >> 15 === 1
  const message: DnsMessage = {
    id: u16be(bytes, start),
    isResponse,
    opCode: opCodes[(word >> 11) & 15] ?? String((word >> 11) & 15),
    responseCode: responseCodes[word & 15] ?? String(word & 15),
    flags: [
      ...(word & 0x0400 ? ['AA'] : []),
      ...(word & 0x0200 ? ['TC'] : []),
      ...(word & 0x0100 ? ['RD'] : []),
      ...(word & 0x0080 ? ['RA'] : []),
      ...(word & 0x0020 ? ['AD'] : []),
      ...(word & 0x0010 ? ['CD'] : []),
    ],
    questions: [],
    answers: [],
    authorityCount: u16be(bytes, start + 8),
    additionalCount: u16be(bytes, start + 10),
    isDamaged: false,
  }
  const reader = new NameReader(bytes, start, end)
  let at = start + headerBytes
  for (let count = u16be(bytes, start + 4); count > 0; count--) {
    const name = reader.read(at)
    if (name === undefined || reader.next + 4 > end) return message.questions.length > 0 ? damaged(message) : undefined
    at = reader.next + 4
    message.questions.push({
      name,
      type: typeName(u16be(bytes, at - 4)),
      // The top bit of an mDNS question asks for a unicast answer (RFC 6762 section 5.4).
      class: className(u16be(bytes, at - 2) & 0x7fff),
    })
  }
  const answerCount = u16be(bytes, start + 6)
  const total = Math.min(recordLimit, answerCount + message.authorityCount + message.additionalCount)
  for (let number = 0; number < total; number++) {
    const name = reader.read(at)
    if (name === undefined || reader.next + 10 > end) return damaged(message)
    at = reader.next
    const type = u16be(bytes, at)
    const length = u16be(bytes, at + 8)
    const dataStart = at + 10
    if (dataStart + length > end) return damaged(message)
    if (type === 41) {
      message.ednsUdpBytes = u16be(bytes, at + 2)
      const extended = (bytes[at + 4]! << 4) | (word & 15)
      if (extended > 15) message.responseCode = extended === 16 ? 'BADVERS' : String(extended)
    } else if (number < answerCount) {
      message.answers.push({
        name,
        type: typeName(type),
        class: className(u16be(bytes, at + 2) & 0x7fff),
        ttlSeconds: u32be(bytes, at + 4),
        data: recordData(reader, type, bytes, dataStart, dataStart + length),
      })
    }
    at = dataStart + length
  }
  return message
}

/** A quick look at the header: counts that fit the length, flags that exist. */
export function mayBeDns(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < headerBytes) return false
  const word = u16be(bytes, start + 2)
  const opCode = (word >> 11) & 15
  if (opCode === 3 || opCode > 6 || word & 0x0040) return false
  const questions = u16be(bytes, start + 4)
  const records = u16be(bytes, start + 6) + u16be(bytes, start + 8) + u16be(bytes, start + 10)
  if (questions > 16 || (questions === 0 && records === 0)) return false
  // Every question takes at least 5 octets and every record 11.
  return headerBytes + questions * 5 + records * 11 <= end - start
}

function damaged(message: DnsMessage): DnsMessage {
  message.isDamaged = true
  return message
}

function typeName(type: number): string {
  return typeNames[type] ?? `TYPE${type}`
}

function className(number: number): string {
  return classNames[number] ?? `CLASS${number}`
}

class NameReader {
  /** Offset after the name that was read last. */
  next = 0
  private readonly bytes: Uint8Array
  private readonly start: number
  private readonly end: number

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes
    this.start = start
    this.end = end
  }

  /** The name at `at` without its last dot, `.` for the root; undefined when it runs out of the message or in circles. */
  read(from: number): string | undefined {
    const { bytes, start, end } = this
    let at = from
    let length = 0
    let name = ''
    let jumped = false
    for (;;) {
      if (at >= end) return undefined
      const count = bytes[at]!
      if (count === 0) {
        if (!jumped) this.next = at + 1
        return name === '' ? '.' : name
      }
      if ((count & 0xc0) === 0xc0) {
        if (at + 1 >= end) return undefined
        if (!jumped) this.next = at + 2
        const target = start + (((count & 0x3f) << 8) | bytes[at + 1]!)
        // A pointer that does not go back could go on for ever.
        if (target >= at) return undefined
        jumped = true
        at = target
        continue
      }
      if (count > 63) return undefined
      length += count + 1
      if (length > nameBytesLimit || at + 1 + count > end) return undefined
      const label = labelText(bytes, at + 1, at + 1 + count)
      name = name === '' ? label : `${name}.${label}`
      at += 1 + count
    }
  }
}

/** Printable ASCII as it is, other octets and dots within a label as `\DDD` (RFC 1035 section 5.1). */
function labelText(bytes: Uint8Array, start: number, end: number): string {
  for (let at = start; at < end; at++) {
    const octet = bytes[at]!
    if (octet < 33 || octet > 126 || octet === 46 || octet === 92) return escapedLabel(bytes, start, end)
  }
  return latin1(bytes, start, end)
}

function escapedLabel(bytes: Uint8Array, start: number, end: number): string {
  let label = ''
  for (let at = start; at < end; at++) {
    const octet = bytes[at]!
    if (octet < 32 || octet > 126) label += `\\${String(octet).padStart(3, '0')}`
    else if (octet === 46 || octet === 92) label += `\\${String.fromCharCode(octet)}`
    else label += String.fromCharCode(octet)
  }
  return label
}

function recordData(reader: NameReader, type: number, bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  switch (type) {
    case 1:
    case 28:
      return length === (type === 1 ? 4 : 16) ? canonicalIpOf(bytes.subarray(start, end)) : hex(bytes, start, end)
    case 2:
    case 5:
    case 12:
    case 39:
      return reader.read(start) ?? ''
    case 15:
      return length < 3 ? '' : `${u16be(bytes, start)} ${reader.read(start + 2) ?? ''}`
    case 33:
      if (length < 7) return ''
      return `${u16be(bytes, start)} ${u16be(bytes, start + 2)} ${u16be(bytes, start + 4)} ${reader.read(start + 6) ?? ''}`
    case 6: {
      const server = reader.read(start)
      const mailbox = server === undefined ? undefined : reader.read(reader.next)
      if (server === undefined || mailbox === undefined || reader.next + 20 > end) return ''
      const at = reader.next
      return `${server} ${mailbox} ${u32be(bytes, at)} ${u32be(bytes, at + 4)} ${u32be(bytes, at + 8)} ${u32be(bytes, at + 12)} ${u32be(bytes, at + 16)}`
    }
    case 16:
    case 99: {
      const parts: string[] = []
      for (let at = start; at < end; at += 1 + bytes[at]!)
        parts.push(latin1(bytes, at + 1, Math.min(end, at + 1 + bytes[at]!)))
      return parts.join('').slice(0, textLimit)
    }
    case 257:
      return length < 2 ? '' : `${bytes[start]} ${latin1(bytes, start + 2, end).slice(0, textLimit)}`
    default:
      return hex(bytes, start, Math.min(end, start + 512))
  }
}
