import type { Fields } from '../../event/event.ts'
import { hex, latin1, text, u16be, u24be, u32be } from '../../lib/binary.ts'
import { derChildren, derElement, derInteger } from '../../lib/der.ts'
import { canonicalIpOf } from '../../lib/ip-octets.ts'
import type { Side } from '../record.ts'
import type { Conversation, DatagramDissector, DatagramProtocol, FirstBytes } from '../stream/conversation.ts'
import { clientHelloFields } from './tls.ts'
import { parseClientHello } from './tls-hello.ts'

type Read = (side: Side, bytes: Uint8Array, start: number, end: number) => Fields | undefined

/** Records of one conversation before repetitions are let go. */
const toldLimit = 1_000

/** A protocol of which each datagram stands for itself; the same again in the conversation is told once. */
function datagrams(
  name: string,
  isOne: (first: FirstBytes) => boolean,
  createRead: (conversation: Conversation) => Read,
): DatagramProtocol {
  return {
    name,
    recognise: (first) => (isOne(first) ? 'yes' : 'no'),
    create: (conversation) => new EachDatagram(conversation, name, createRead(conversation)),
  }
}

class EachDatagram implements DatagramDissector {
  private readonly told = new Set<string>()
  private readonly conversation: Conversation
  private readonly name: string
  private readonly read: Read

  constructor(conversation: Conversation, name: string, read: Read) {
    this.conversation = conversation
    this.name = name
    this.read = read
  }

  datagram(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    const fields = this.read(side, bytes, start, end)
    if (!fields) return true
    const key = JSON.stringify(fields)
    if (this.told.has(key)) return true
    if (this.told.size >= toldLimit) return false
    this.told.add(key)
    this.conversation.emit(this.name, timeUs, fields)
    return true
  }

  end(): void {
    // Every datagram was told when it came.
  }
}

const dhcpMessages = ['', 'DISCOVER', 'OFFER', 'REQUEST', 'DECLINE', 'ACK', 'NAK', 'RELEASE', 'INFORM']

/** DHCP (RFC 2131, options of RFC 2132). */
export const dhcp = datagrams(
  'dhcp',
  ({ bytes, start, end }) =>
    end - start >= 244 && bytes[start]! <= 2 && bytes[start + 2] === 6 && u32be(bytes, start + 236) === 0x63825363,
  () => (_side, bytes, start, end) => {
    if (end - start < 244) return undefined
    const mac = bytes.subarray(start + 28, start + 34)
    const fields: Fields = {
      'client.mac': [...mac].map((octet) => octet.toString(16).padStart(2, '0').toUpperCase()).join('-'),
    }
    const assigned = u32be(bytes, start + 16)
    if (assigned !== 0) fields['zeek.assigned_addr'] = canonicalIpOf(bytes.subarray(start + 16, start + 20))
    for (let at = start + 240; at + 2 <= end && bytes[at] !== 255; ) {
      if (bytes[at] === 0) {
        at++
        continue
      }
      const length = bytes[at + 1]!
      const [from, to] = [at + 2, at + 2 + length]
      if (to > end) break
      switch (bytes[at]) {
        case 53:
          fields['event.action'] = dhcpMessages[bytes[from]!] ?? String(bytes[from])
          break
        case 12:
          fields['zeek.host_name'] = text(bytes, from, to)
          break
        case 15:
          fields['zeek.domain'] = text(bytes, from, to)
          break
        case 50:
          if (length === 4) fields['zeek.requested_addr'] = canonicalIpOf(bytes.subarray(from, to))
          break
        case 54:
          if (length === 4) fields['zeek.server_addr'] = canonicalIpOf(bytes.subarray(from, to))
          break
        case 55:
          fields['traffic.dhcp.requested_options'] = [...bytes.subarray(from, to)].join(',')
          break
        case 60:
          fields['traffic.dhcp.vendor_class'] = text(bytes, from, to).slice(0, 256)
          break
      }
      at = to
    }
    return fields
  },
)

/** NTP (RFC 5905); modes 6 and 7 are control messages, by which servers are abused as amplifiers. */
export const ntp = datagrams(
  'ntp',
  ({ bytes, start, end, ports }) => {
    const length = end - start
    const mode = bytes[start]! & 7
    const version = (bytes[start]! >> 3) & 7
    if (ports[0] !== 123 && ports[1] !== 123) return false
    return version >= 1 && version <= 4 && (mode >= 6 ? length >= 8 : length >= 48)
  },
  () => (_side, bytes, start, end) => {
    if (end - start < 8) return undefined
    const mode = bytes[start]! & 7
    const names = [
      'reserved',
      'symmetric_active',
      'symmetric_passive',
      'client',
      'server',
      'broadcast',
      'control',
      'private',
    ]
    const fields: Fields = { 'event.action': names[mode]!, 'zeek.version': (bytes[start]! >> 3) & 7, 'zeek.mode': mode }
    if (mode < 6) fields['zeek.stratum'] = bytes[start + 1]!
    if (mode === 7) fields['traffic.ntp.request_code'] = bytes[start + 3]!
    return fields
  },
)

const snmpOperations: Record<number, string> = {
  160: 'get',
  161: 'get_next',
  162: 'response',
  163: 'set',
  164: 'trap',
  165: 'get_bulk',
  166: 'inform',
  167: 'trap2',
}

/** SNMP (RFC 1157, RFC 3416); whether the community is a well-known one is told, not the community itself. */
export const snmp = datagrams(
  'snmp',
  ({ bytes, start, end }) => {
    const outer = derElement(bytes, start, end)
    if (outer?.tag !== 0x30) return false
    const [version, second] = derChildren(bytes, outer.start, outer.end)
    return (
      version?.tag === 2 &&
      version.end - version.start === 1 &&
      bytes[version.start]! <= 3 &&
      (second?.tag === 4 || second?.tag === 0x30)
    )
  },
  () => (_side, bytes, start, end) => {
    const outer = derElement(bytes, start, end)
    const [version, community, message] = outer ? derChildren(bytes, outer.start, outer.end) : []
    if (!version || !community) return undefined
    const number = derInteger(bytes, version)
    const fields: Fields = { 'zeek.version': number === 0 ? '1' : number === 1 ? '2c' : '3' }
    if (number <= 1) {
      const name = latin1(bytes, community.start, community.end)
      fields['traffic.snmp.default_community'] = /^(public|private|admin|cisco|manager|snmp|community)$/i.test(name)
      if (message) fields['event.action'] = snmpOperations[message.tag] ?? `pdu-${message.tag}`
    } else fields['event.action'] = 'v3'
    return fields
  },
)

/** SIP (RFC 3261) over UDP: requests and the status of their answers. */
export const sip = datagrams(
  'sip',
  ({ bytes, start, end }) =>
    /^(SIP\/2\.0 \d{3} |(INVITE|REGISTER|OPTIONS|ACK|BYE|CANCEL|SUBSCRIBE|NOTIFY|PUBLISH|MESSAGE|REFER|INFO|PRACK|UPDATE) sips?:)/.test(
      latin1(bytes, start, Math.min(end, start + 64)),
    ),
  () => (_side, bytes, start, end) => {
    const lines = text(bytes, start, Math.min(end, start + 4_096)).split(/\r?\n/)
    const first = lines[0]!
    const header = (name: RegExp) =>
      lines
        .find((line) => name.test(line))
        ?.replace(/^[^:]*:\s*/, '')
        .slice(0, 512)
    const answer = /^SIP\/2\.0 (\d{3}) (.*)/.exec(first)
    const fields: Fields = answer
      ? {
          'event.action': (header(/^CSeq:/i) ?? '').replace(/^\d+ /, ''),
          'zeek.status_code': Number(answer[1]),
          'zeek.status_msg': answer[2]!.slice(0, 128),
        }
      : { 'event.action': first.split(' ')[0]!, 'zeek.uri': first.split(' ')[1]?.slice(0, 512) ?? '' }
    for (const [field, name] of [
      ['zeek.request_from', /^(From|f):/i],
      ['zeek.request_to', /^(To|t):/i],
      ['user_agent.original', /^(User-Agent|Server):/i],
    ] as const) {
      const value = header(name)
      if (value !== undefined) fields[field] = value.replace(/;tag=[^;]*/, '')
    }
    return fields
  },
)

/** SSDP, HTTP's form over UDP (UPnP Device Architecture). */
export const ssdp = datagrams(
  'ssdp',
  ({ bytes, start, end }) =>
    /^(M-SEARCH \* HTTP|NOTIFY \* HTTP|HTTP\/1\.1 200 OK\r\n)/.test(latin1(bytes, start, Math.min(end, start + 32))),
  () => (_side, bytes, start, end) => {
    const lines = text(bytes, start, Math.min(end, start + 2_048)).split(/\r?\n/)
    const header = (name: RegExp) =>
      lines
        .find((line) => name.test(line))
        ?.replace(/^[^:]*:\s*/, '')
        .slice(0, 512)
    const fields: Fields = { 'event.action': lines[0]!.split(' ')[0]! }
    for (const [field, name] of [
      ['traffic.ssdp.target', /^(ST|NT):/i],
      ['traffic.ssdp.server', /^SERVER:/i],
      ['traffic.ssdp.location', /^LOCATION:/i],
    ] as const) {
      const value = header(name)
      if (value !== undefined && value !== '') fields[field] = value
    }
    return fields
  },
)

/** NetBIOS names (RFC 1002): who asks for which host. */
export const netbiosNames = datagrams(
  'nbns',
  ({ bytes, start, end, ports }) =>
    (ports[0] === 137 || ports[1] === 137) && end - start >= 50 && bytes[start + 12] === 32,
  () => (side, bytes, start, end) => {
    if (end - start < 46 || bytes[start + 12] !== 32) return undefined
    let name = ''
    for (let at = start + 13; at < start + 13 + 30; at += 2)
      name += String.fromCharCode(((bytes[at]! - 65) << 4) | ((bytes[at + 1]! - 65) & 15))
    const operations = ['query', '', '', '', '', 'registration', 'release', 'wack', 'refresh']
    const flags = u16be(bytes, start + 2)
    return {
      'event.action': operations[(flags >> 11) & 15] ?? 'other',
      'dns.question.name': name.trim(),
      'dns.type': flags & 0x8000 ? 'answer' : 'query',
      'traffic.nbns.from_server': side === 1,
    }
  },
)

/** DTLS (RFC 6347, RFC 9147): the hello of the client. Fragments of a hello are not put together. */
export const dtls = datagrams(
  'tls',
  ({ bytes, start, end }) =>
    end - start >= 25 &&
    bytes[start] === 22 &&
    bytes[start + 1] === 0xfe &&
    bytes[start + 2]! >= 0xfc &&
    u16be(bytes, start + 11) <= end - start - 13,
  () => (side, bytes, start, end) => {
    if (side !== 0 || end - start < 60 || bytes[start] !== 22 || bytes[start + 13] !== 1) return undefined
    const length = u24be(bytes, start + 14)
    if (u24be(bytes, start + 22) !== length || start + 25 + length > end) return undefined
    const hello = parseClientHello(bytes, start + 25, start + 25 + length, true)
    return hello && { 'tls.version_protocol': 'dtls', ...clientHelloFields(hello, 'd') }
  },
)

/** TFTP (RFC 1350): files asked for without any sign-in. */
export const tftp = datagrams(
  'tftp',
  ({ bytes, start, end }) =>
    end - start >= 10 &&
    bytes[start] === 0 &&
    (bytes[start + 1] === 1 || bytes[start + 1] === 2) &&
    /^[\x20-\x7e]{1,200}\0(octet|netascii|mail)\0/i.test(latin1(bytes, start + 2, Math.min(end, start + 220))),
  () => (_side, bytes, start, end) => {
    if (bytes[start + 1]! > 2) return undefined
    const [name = '', mode = ''] = latin1(bytes, start + 2, end).split('\0')
    return {
      'event.action': bytes[start + 1] === 1 ? 'read' : 'write',
      'file.path': name,
      'file.name': name.slice(name.lastIndexOf('/') + 1),
      'traffic.tftp.mode': mode,
    }
  },
)

const ikeExchanges: Record<number, string> = {
  2: 'main_mode',
  4: 'aggressive_mode',
  5: 'informational',
  32: 'quick_mode',
  34: 'ike_sa_init',
  35: 'ike_auth',
  36: 'create_child_sa',
  37: 'informational',
}

/** IKE (RFC 2408, RFC 7296), bare or behind the four zeros of NAT traversal. */
export const ike = datagrams(
  'ike',
  ({ bytes, start, end, ports }) => {
    const at = ports[1] === 4500 && end - start > 32 && u32be(bytes, start) === 0 ? start + 4 : start
    return (
      (ports[1] === 500 || ports[1] === 4500 || ports[0] === 500) &&
      end - at >= 28 &&
      u32be(bytes, at + 24) === end - at &&
      [0x10, 0x20].includes(bytes[at + 17]!)
    )
  },
  () => (_side, bytes, start, end) => {
    const at = u32be(bytes, start) === 0 && end - start > 32 ? start + 4 : start
    if (end - at < 28) return undefined
    return {
      'event.action': ikeExchanges[bytes[at + 18]!] ?? `exchange-${bytes[at + 18]}`,
      'traffic.vpn.version': `${bytes[at + 17]! >> 4}.${bytes[at + 17]! & 15}`,
    }
  },
)

/** WireGuard: the handshake has one form and length (the protocol's white paper, section 5.4). */
export const wireguard = datagrams(
  'wireguard',
  ({ bytes, start, end }) =>
    (end - start === 148 && bytes[start] === 1 && u24be(bytes, start + 1) === 0) ||
    (end - start === 92 && bytes[start] === 2 && u24be(bytes, start + 1) === 0),
  () => (_side, bytes, start, end) => {
    const kind = bytes[start]!
    if (u24be(bytes, start + 1) !== 0 || kind < 1 || kind > 2 || (end - start !== 148 && end - start !== 92))
      return undefined
    return { 'event.action': kind === 1 ? 'handshake_initiation' : 'handshake_response' }
  },
)

/** OpenVPN over UDP: the first packet of each side is a hard reset with a session id and no payload. */
export const openvpn = datagrams(
  'openvpn',
  ({ bytes, start, end, ports, side }) => {
    const opcode = bytes[start]! >> 3
    const length = end - start
    const isReset = side === 0 ? opcode === 7 || opcode === 10 : opcode === 8
    const isPlain = length === 14 && bytes[start + 9] === 0 && u32be(bytes, start + 10) === 0
    return isReset && (bytes[start]! & 7) === 0 && (isPlain || (ports[1] === 1194 && length >= 14 && length < 128))
  },
  () => (_side, bytes, start) => {
    const opcode = bytes[start]! >> 3
    return opcode === 7 || opcode === 8 || opcode === 10
      ? { 'event.action': opcode === 8 ? 'server_reset' : 'client_reset' }
      : undefined
  },
)

/** L2TP control messages (RFC 2661): the tunnel that is asked for. */
export const l2tp = datagrams(
  'l2tp',
  ({ bytes, start, end, ports }) =>
    (ports[1] === 1701 || ports[0] === 1701) &&
    end - start >= 12 &&
    (bytes[start]! & 0xc8) === 0xc8 &&
    (bytes[start + 1]! & 15) === 2,
  () => (_side, bytes, start, end) => {
    if ((bytes[start]! & 0x80) === 0 || end - start < 20) return undefined
    return {
      'event.action': `message-${u16be(bytes, start + 18)}`,
      'traffic.vpn.tunnel': hex(bytes, start + 4, start + 6),
    }
  },
)

/** BitTorrent's distributed table (BEP 5): bencoded queries and answers. */
export const bittorrentTable = datagrams(
  'bittorrent',
  ({ bytes, start, end }) => /^d1:(ad2:id20:|rd2:id20:|eli)/.test(latin1(bytes, start, Math.min(end, start + 12))),
  () => (_side, bytes, start, end) => {
    const query = /1:q(\d{1,2}):([a-z_]+)/.exec(latin1(bytes, start, end))
    return query ? { 'event.action': query[2]!.slice(0, Number(query[1])) } : undefined
  },
)
