import type { Fields } from '../../event/event.ts'
import { text, u32be } from '../../lib/binary.ts'
import { type DerElement, derChildren, derElement, derInteger } from '../../lib/der.ts'
import type { Side } from '../record.ts'
import type {
  Conversation,
  DatagramDissector,
  DatagramProtocol,
  FirstBytes,
  StreamDissector,
  StreamProtocol,
} from '../stream/conversation.ts'
import { Framer } from '../stream/framer.ts'

/** Application tags of RFC 4120 section 5.10. */
const messageType = { asRequest: 10, asReply: 11, tgsRequest: 12, tgsReply: 13, error: 30 } as const
const messageBytesLimit = 262_144

/** IANA: Kerberos Encryption Type Numbers, in the spelling MIT Kerberos and Zeek print. */
const encryptionNames: Record<number, string> = {
  1: 'des-cbc-crc', 2: 'des-cbc-md4', 3: 'des-cbc-md5', 16: 'des3-cbc-sha1', 17: 'aes128-cts-hmac-sha1-96',
  18: 'aes256-cts-hmac-sha1-96', 19: 'aes128-cts-hmac-sha256-128', 20: 'aes256-cts-hmac-sha384-192', 23: 'rc4-hmac',
  24: 'rc4-hmac-exp', 25: 'camellia128-cts-cmac', 26: 'camellia256-cts-cmac', [-128]: 'rc4-md4',
} // biome-ignore format: a list

/** RFC 4120 section 7.5.9. */
const errorNames: Record<number, string> = {
  1: 'KDC_ERR_NAME_EXP', 2: 'KDC_ERR_SERVICE_EXP', 3: 'KDC_ERR_BAD_PVNO', 6: 'KDC_ERR_C_PRINCIPAL_UNKNOWN',
  7: 'KDC_ERR_S_PRINCIPAL_UNKNOWN', 8: 'KDC_ERR_PRINCIPAL_NOT_UNIQUE', 9: 'KDC_ERR_NULL_KEY', 10: 'KDC_ERR_CANNOT_POSTDATE',
  11: 'KDC_ERR_NEVER_VALID', 12: 'KDC_ERR_POLICY', 13: 'KDC_ERR_BADOPTION', 14: 'KDC_ERR_ETYPE_NOSUPP',
  15: 'KDC_ERR_SUMTYPE_NOSUPP', 16: 'KDC_ERR_PADATA_TYPE_NOSUPP', 17: 'KDC_ERR_TRTYPE_NOSUPP', 18: 'KDC_ERR_CLIENT_REVOKED',
  19: 'KDC_ERR_SERVICE_REVOKED', 20: 'KDC_ERR_TGT_REVOKED', 21: 'KDC_ERR_CLIENT_NOTYET', 22: 'KDC_ERR_SERVICE_NOTYET',
  23: 'KDC_ERR_KEY_EXPIRED', 24: 'KDC_ERR_PREAUTH_FAILED', 25: 'KDC_ERR_PREAUTH_REQUIRED', 26: 'KDC_ERR_SERVER_NOMATCH',
  29: 'KDC_ERR_SVC_UNAVAILABLE', 31: 'KRB_AP_ERR_BAD_INTEGRITY', 32: 'KRB_AP_ERR_TKT_EXPIRED', 33: 'KRB_AP_ERR_TKT_NYV',
  34: 'KRB_AP_ERR_REPEAT', 35: 'KRB_AP_ERR_NOT_US', 36: 'KRB_AP_ERR_BADMATCH', 37: 'KRB_AP_ERR_SKEW',
  41: 'KRB_AP_ERR_MODIFIED', 52: 'KRB_ERR_RESPONSE_TOO_BIG', 60: 'KRB_ERR_GENERIC', 68: 'KDC_ERR_WRONG_REALM',
} // biome-ignore format: a list

interface Message {
  type: number
  clientName?: string
  clientRealm?: string
  service?: string
  serviceRealm?: string
  encryptions: number[]
  ticketEncryption?: number
  error?: number
  /** Types of pre-authentication data that came along. */
  preAuthentication: number[]
  till?: string
}

/** Kerberos over UDP (RFC 4120 section 7.2.1). */
export const kerberosDatagrams: DatagramProtocol = {
  name: 'kerberos',
  recognise: ({ bytes, start, end }: FirstBytes) => (isMessage(bytes, start, end) ? 'yes' : 'no'),
  create: (conversation) => new KerberosDissector(conversation),
}

/** Kerberos over TCP: messages behind their length (section 7.2.2). */
export const kerberosStream: StreamProtocol = {
  name: 'kerberos',
  recognise({ bytes, start, end }: FirstBytes) {
    if (end - start < 8) return end > start && bytes[start] === 0 ? 'more' : 'no'
    const length = u32be(bytes, start)
    return length > 16 && length <= messageBytesLimit && isTag(bytes[start + 4]!) && isHead(bytes, start + 4, end)
      ? 'yes'
      : 'no'
  },
  create: (conversation) => new KerberosDissector(conversation),
}

function isTag(tag: number): boolean {
  const type = tag & 0x1f
  return (tag & 0xe0) === 0x60 && (Object.values(messageType) as number[]).includes(type)
}

/** An application tag, a length, and the sequence that every message is. */
function isHead(bytes: Uint8Array, start: number, end: number): boolean {
  const lengthOctets = bytes[start + 1]! >= 0x80 ? bytes[start + 1]! & 0x7f : 0
  const at = start + 2 + lengthOctets
  return at >= end || bytes[at] === 0x30
}

function isMessage(bytes: Uint8Array, start: number, end: number): boolean {
  return (
    end - start > 20 && isTag(bytes[start]!) && isHead(bytes, start, end) && derElement(bytes, start, end) !== undefined
  )
}

const frames = {
  headerBytes: 4,
  limitBytes: messageBytesLimit,
  lengthOf: (bytes: Uint8Array, at: number) => 4 + u32be(bytes, at),
}

class KerberosDissector implements StreamDissector, DatagramDissector {
  private readonly conversation: Conversation
  private readonly framers = [new Framer(frames), new Framer(frames)] as const
  private request: { message: Message; timeUs: number } | undefined

  constructor(conversation: Conversation) {
    this.conversation = conversation
  }

  datagram(_side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    this.message(bytes, start, end, timeUs)
    return true
  }

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    return this.framers[side].push(bytes, start, end, (source, from, to) => this.message(source, from + 4, to, timeUs))
  }

  gap(): boolean {
    return false
  }

  end(): void {
    this.tell(undefined)
  }

  private message(bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    const message = parseMessage(bytes, start, end)
    if (!message) {
      this.conversation.weird('kerberos_unparsed')
      return
    }
    if (message.type === messageType.asRequest || message.type === messageType.tgsRequest) {
      this.tell(undefined)
      this.request = { message, timeUs }
    } else {
      this.request ??= { message: { type: message.type, encryptions: [], preAuthentication: [] }, timeUs }
      this.tell(message)
    }
  }

  /** One record for a request and its answer. */
  private tell(answer: Message | undefined): void {
    const { request } = this
    if (!request) return
    this.request = undefined
    const { message, timeUs } = request
    const isTicketGranting =
      message.type === messageType.tgsRequest || (answer ?? message).type === messageType.tgsReply
    const fields: Fields = {
      'event.action': isTicketGranting ? 'TGS' : 'AS',
      'zeek.request_type': isTicketGranting ? 'TGS' : 'AS',
    }
    const name = answer?.clientName ?? message.clientName
    const realm = answer?.clientRealm ?? message.clientRealm ?? message.serviceRealm
    if (name !== undefined) {
      fields['user.name'] = name
      fields['zeek.client'] = realm === undefined ? name : `${name}/${realm}`
    }
    if (realm !== undefined) fields['user.domain'] = realm
    const service = message.service ?? answer?.service
    if (service !== undefined) fields['zeek.service'] = service
    const cipher = answer?.ticketEncryption
    if (cipher !== undefined) fields['zeek.cipher'] = encryptionName(cipher)
    if (message.encryptions.length > 0)
      fields['traffic.kerberos.requested_ciphers'] = message.encryptions.map(encryptionName)
    if (message.preAuthentication.length > 0)
      fields['traffic.kerberos.pre_authentication'] = message.preAuthentication.map(String)
    if (message.till !== undefined) fields['zeek.till'] = message.till
    if (answer) {
      const isError = answer.error !== undefined
      fields['zeek.success'] = !isError
      fields['event.outcome'] = isError ? 'failure' : 'success'
      if (isError) {
        const error = errorNames[answer.error!] ?? `KRB_ERR_${answer.error}`
        fields['zeek.error_msg'] = error
        fields['event.reason'] = error
      }
    }
    this.conversation.emit('kerberos', timeUs, fields)
  }
}

function encryptionName(type: number): string {
  return encryptionNames[type] ?? `etype-${type}`
}

function parseMessage(bytes: Uint8Array, start: number, end: number): Message | undefined {
  const outer = derElement(bytes, start, end)
  if (!outer || !isTag(outer.tag)) return undefined
  const sequence = derElement(bytes, outer.start, outer.end)
  if (sequence?.tag !== 0x30) return undefined
  const message: Message = { type: outer.tag & 0x1f, encryptions: [], preAuthentication: [] }
  for (const field of derChildren(bytes, sequence.start, sequence.end)) {
    const inner = derElement(bytes, field.start, field.end)
    if (!inner) continue
    const number = field.tag & 0x1f
    if (message.type === messageType.error) errorField(message, number, bytes, inner)
    else if (message.type === messageType.asReply || message.type === messageType.tgsReply)
      replyField(message, number, bytes, inner)
    else requestField(message, number, bytes, inner)
  }
  return message
}

function errorField(message: Message, number: number, bytes: Uint8Array, inner: DerElement): void {
  if (number === 6) message.error = derInteger(bytes, inner)
  else if (number === 7) message.clientRealm = text(bytes, inner.start, inner.end)
  else if (number === 8) message.clientName = principal(bytes, inner)
  else if (number === 9) message.serviceRealm = text(bytes, inner.start, inner.end)
  else if (number === 10) message.service = principal(bytes, inner)
}

function replyField(message: Message, number: number, bytes: Uint8Array, inner: DerElement): void {
  if (number === 3) message.clientRealm = text(bytes, inner.start, inner.end)
  else if (number === 4) message.clientName = principal(bytes, inner)
  else if (number === 5) {
    // Ticket: [APPLICATION 1] SEQUENCE { tkt-vno, realm, sname, enc-part { etype, ... } }
    const ticket = derElement(bytes, inner.start, inner.end)
    for (const field of ticket ? derChildren(bytes, ticket.start, ticket.end) : []) {
      const part = derElement(bytes, field.start, field.end)
      if (!part) continue
      const which = field.tag & 0x1f
      if (which === 1) message.serviceRealm = text(bytes, part.start, part.end)
      else if (which === 2) message.service = principal(bytes, part)
      else if (which === 3) {
        const [type] = derChildren(bytes, part.start, part.end)
        const value = type && derElement(bytes, type.start, type.end)
        if (value) message.ticketEncryption = derInteger(bytes, value)
      }
    }
  }
}

function requestField(message: Message, number: number, bytes: Uint8Array, inner: DerElement): void {
  if (number === 3) {
    for (const entry of derChildren(bytes, inner.start, inner.end)) {
      const [type] = derChildren(bytes, entry.start, entry.end)
      const value = type && derElement(bytes, type.start, type.end)
      if (value && message.preAuthentication.length < 16) message.preAuthentication.push(derInteger(bytes, value))
    }
  }
  if (number !== 4) return
  for (const field of derChildren(bytes, inner.start, inner.end)) {
    const value = derElement(bytes, field.start, field.end)
    if (!value) continue
    const which = field.tag & 0x1f
    if (which === 1) message.clientName = principal(bytes, value)
    else if (which === 2) message.serviceRealm = text(bytes, value.start, value.end)
    else if (which === 3) message.service = principal(bytes, value)
    else if (which === 5) message.till = kerberosTime(text(bytes, value.start, value.end))
    else if (which === 8)
      message.encryptions = derChildren(bytes, value.start, value.end)
        .slice(0, 32)
        .map((element) => derInteger(bytes, element))
  }
  if (message.type === messageType.asRequest && message.serviceRealm !== undefined)
    message.clientRealm = message.serviceRealm
}

/** PrincipalName: its parts joined by `/`. */
function principal(bytes: Uint8Array, element: DerElement): string {
  const parts = derChildren(bytes, element.start, element.end).find((child) => (child.tag & 0x1f) === 1)
  const list = parts && derElement(bytes, parts.start, parts.end)
  if (!list) return ''
  return derChildren(bytes, list.start, list.end)
    .map((part) => text(bytes, part.start, part.end))
    .join('/')
}

/** `20370913024805Z` as ISO 8601. */
function kerberosTime(value: string): string {
  return value.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6.000Z')
}
