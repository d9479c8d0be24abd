import type { Fields, FieldValue } from '../../event/event.ts'
import { u16be } from '../../lib/binary.ts'
import type { Side } from '../record.ts'
import type {
  Conversation,
  DatagramDissector,
  DatagramProtocol,
  FirstBytes,
  Recognition,
  StreamDissector,
  StreamProtocol,
} from '../stream/conversation.ts'
import { Framer } from '../stream/framer.ts'
import { type DnsMessage, mayBeDns, parseDns } from './dns-message.ts'

const dnsPorts = new Set([53, 5353, 5355, 137])

/** DNS, mDNS and LLMNR over UDP; on ports that are not theirs only what reads as a DNS message to its end. */
export const dnsDatagrams: DatagramProtocol = {
  name: 'dns',
  recognise({ bytes, start, end, ports }: FirstBytes): Recognition {
    if (ports[0] === 137 || ports[1] === 137) return 'no'
    if (!mayBeDns(bytes, start, end)) return 'no'
    if (dnsPorts.has(ports[0]) || dnsPorts.has(ports[1])) return 'yes'
    const message = parseDns(bytes, start, end)
    return message && !message.isDamaged && message.questions.length === 1 && isCommon(message) ? 'yes' : 'no'
  },
  create: (conversation) => new DnsDatagrams(conversation),
}

/** DNS over TCP: each message behind its length (RFC 7766). */
export const dnsStream: StreamProtocol = {
  name: 'dns',
  recognise({ bytes, start, end, ports }: FirstBytes): Recognition {
    if (!dnsPorts.has(ports[0]) && !dnsPorts.has(ports[1])) return 'no'
    if (end - start < 14) return 'more'
    return u16be(bytes, start) >= 17 && mayBeDns(bytes, start + 2, Math.max(end, start + 2 + u16be(bytes, start)))
      ? 'yes'
      : 'no'
  },
  create: (conversation) => new DnsStream(conversation),
}

function isCommon(message: DnsMessage): boolean {
  const [question] = message.questions
  return (
    question !== undefined &&
    question.class === 'IN' &&
    !question.type.startsWith('TYPE') &&
    question.name.includes('.')
  )
}

class DnsDatagrams implements DatagramDissector {
  private readonly conversation: Conversation

  constructor(conversation: Conversation) {
    this.conversation = conversation
    const name = { 5353: 'mdns', 5355: 'llmnr' }[conversation.ports[1]]
    if (name) conversation.setProtocol(name)
  }

  datagram(_side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    tellDns(this.conversation, bytes, start, end, timeUs)
    return true
  }

  end(): void {
    // Every message was told when it came.
  }
}

const frames = {
  headerBytes: 2,
  limitBytes: 65_537,
  lengthOf: (bytes: Uint8Array, at: number) => 2 + u16be(bytes, at),
}

class DnsStream implements StreamDissector {
  private readonly conversation: Conversation
  private readonly framers = [new Framer(frames), new Framer(frames)] as const

  constructor(conversation: Conversation) {
    this.conversation = conversation
  }

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    return this.framers[side].push(bytes, start, end, (source, from, to) => {
      tellDns(this.conversation, source, from + 2, to, timeUs)
    })
  }

  gap(): boolean {
    this.conversation.weird('dns_stream_gap')
    return false
  }

  end(): void {
    // Every whole message was told when it came.
  }
}

function tellDns(conversation: Conversation, bytes: Uint8Array, start: number, end: number, timeUs: number): void {
  const message = parseDns(bytes, start, end)
  if (!message) {
    conversation.weird('dns_unparsed')
    return
  }
  if (message.isDamaged) conversation.weird('dns_damaged')
  conversation.emit('dns', timeUs, dnsFields(message))
}

/** ECS fields of one message: `dns.type` is `query` or `answer`. */
function dnsFields(message: DnsMessage): Fields {
  const [question] = message.questions
  const fields: Fields = {
    'dns.type': message.isResponse ? 'answer' : 'query',
    'dns.id': String(message.id),
    'dns.op_code': message.opCode,
    'dns.header_flags': message.flags,
  }
  if (question) {
    fields['dns.question.name'] = question.name
    fields['dns.question.type'] = question.type
    fields['dns.question.class'] = question.class
  }
  if (message.questions.length > 1) fields['dns.question.count'] = message.questions.length
  if (message.ednsUdpBytes !== undefined) fields['dns.edns.udp_bytes'] = message.ednsUdpBytes
  if (!message.isResponse) return fields
  fields['dns.response_code'] = message.responseCode
  fields['dns.answers_count'] = message.answers.length
  if (message.answers.length > 0) {
    const column = (take: (answer: DnsMessage['answers'][number]) => FieldValue) => message.answers.map(take)
    fields['dns.answers.name'] = column((answer) => answer.name)
    fields['dns.answers.type'] = column((answer) => answer.type)
    fields['dns.answers.data'] = column((answer) => answer.data)
    fields['dns.answers.ttl'] = column((answer) => answer.ttlSeconds)
    const addresses = message.answers.filter(({ type }) => type === 'A' || type === 'AAAA').map(({ data }) => data)
    if (addresses.length > 0) fields['dns.resolved_ip'] = addresses
  }
  return fields
}
