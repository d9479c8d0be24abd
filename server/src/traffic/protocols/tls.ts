import type { Fields } from '../../event/event.ts'
import { u16be, u24be } from '../../lib/binary.ts'
import { GrowingBuffer } from '../../lib/growing-buffer.ts'
import type { Side } from '../record.ts'
import type { Conversation, FirstBytes, Recognition, StreamDissector, StreamProtocol } from '../stream/conversation.ts'
import { certificateFields } from './certificate.ts'
import { cipherName } from './tls-ciphers.ts'
import {
  type ClientHello,
  ja3sText,
  ja3Text,
  ja4,
  md5,
  parseClientHello,
  parseServerHello,
  type ServerHello,
} from './tls-hello.ts'

const contentType = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const
const handshakeType = { clientHello: 1, serverHello: 2, certificate: 11 } as const
/** A record holds at most 2^14 octets and some overhead (RFC 8446 section 5.2). */
const recordBytesLimit = 16_384 + 2_048
const handshakeBytesLimit = 262_144
const recordHeaderBytes = 5

const versionNames: Record<number, string> = { 768: '3.0', 769: '1.0', 770: '1.1', 771: '1.2', 772: '1.3' }

/** TLS over TCP up to where it is encrypted; found by the record header and a hello within. */
export const tls: StreamProtocol = {
  name: 'tls',
  recognise({ bytes, start, end, side }: FirstBytes): Recognition {
    const length = end - start
    if (bytes[start] !== contentType.handshake) return length > 0 && isSsl2Hello(bytes, start, end) ? 'yes' : 'no'
    if (length >= 2 && bytes[start + 1] !== 3) return 'no'
    if (length < 6) return 'more'
    const recordLength = u16be(bytes, start + 3)
    if (bytes[start + 2]! > 4 || recordLength < 4 || recordLength > recordBytesLimit) return 'no'
    const type = bytes[start + 5]!
    return type === (side === 0 ? handshakeType.clientHello : handshakeType.serverHello) || type <= 2 ? 'yes' : 'no'
  },
  create: (conversation) => new TlsDissector(conversation),
}

/** The hello of SSL 2 that old clients began with (RFC 5246 appendix E.2). */
function isSsl2Hello(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 11 || (bytes[start]! & 0x80) === 0 || bytes[start + 2] !== 1) return false
  const length = ((bytes[start]! & 0x7f) << 8) | bytes[start + 1]!
  return (
    length + 2 === end - start && bytes[start + 3] === 3 && bytes[start + 4]! <= 3 && u16be(bytes, start + 5) % 3 === 0
  )
}

class TlsDissector implements StreamDissector {
  private readonly conversation: Conversation
  /** Records that are not whole yet, and handshake messages that go on in the next record. */
  private readonly records = [new GrowingBuffer(2 * recordBytesLimit), new GrowingBuffer(2 * recordBytesLimit)] as const
  private readonly messages = [new GrowingBuffer(handshakeBytesLimit), new GrowingBuffer(handshakeBytesLimit)] as const
  private readonly isEncrypted = [false, false]
  private client: ClientHello | undefined
  private server: ServerHello | undefined
  private serverRecordVersion = 0
  private certificates: [Fields | undefined, Fields | undefined] = [undefined, undefined]
  private chainLength = 0
  private alert: string | undefined
  private startUs = -1
  private told = false
  private seenApplicationData = [false, false]

  constructor(conversation: Conversation) {
    this.conversation = conversation
  }

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    if (this.startUs < 0) this.startUs = timeUs
    const buffer = this.records[side]
    let source = bytes
    let at = start
    let stop = end
    if (buffer.length > 0) {
      // A record is at most 18 KiB, a segment handed in at most 64; what does not fit is read from the pieces.
      if (end - start > buffer.room) return this.finish()
      buffer.append(bytes, start, end)
      source = Buffer.from(buffer.take())
      at = 0
      stop = source.length
    }
    if (at === start && source === bytes && isSsl2Hello(source, at, stop)) {
      this.client = ssl2Hello(source, at)
      return true
    }
    while (stop - at >= recordHeaderBytes) {
      const length = u16be(source, at + 3)
      const type = source[at]!
      if (type < contentType.changeCipherSpec || type > 24 || length > recordBytesLimit || source[at + 1] !== 3) {
        this.conversation.weird('tls_invalid_record')
        return this.finish()
      }
      // What applications say is not ours to read: one record of it is enough.
      if (type === contentType.applicationData) {
        this.seenApplicationData[side] = true
        if (this.server || side === 1 || this.client === undefined) return this.finish()
      }
      if (stop - at < recordHeaderBytes + length) break
      this.record(side, type, source, at, at + recordHeaderBytes, at + recordHeaderBytes + length)
      at += recordHeaderBytes + length
      if (this.told) return false
    }
    if (at < stop) {
      if (stop - at > buffer.room) return this.finish()
      buffer.append(source, at, stop)
    }
    return true
  }

  private record(side: Side, type: number, bytes: Uint8Array, header: number, start: number, end: number): void {
    if (type === contentType.changeCipherSpec) {
      this.isEncrypted[side] = true
      // TLS 1.3 sends it for show; before that the rest of the handshake is hidden behind it.
      if (this.isEncrypted[0] && this.isEncrypted[1]) this.finish()
    } else if (type === contentType.alert) {
      if (end - start === 2 && !this.isEncrypted[side]) this.alert = alertName(bytes[start + 1]!)
    } else if (type === contentType.handshake && !this.isEncrypted[side]) {
      if (side === 1 && this.serverRecordVersion === 0) this.serverRecordVersion = u16be(bytes, header + 1)
      this.handshake(side, bytes, start, end)
    }
  }

  private handshake(side: Side, bytes: Uint8Array, start: number, end: number): void {
    const buffer = this.messages[side]
    let source = bytes
    let at = start
    let stop = end
    if (buffer.length > 0) {
      if (end - start > buffer.room) return void this.conversation.weird('tls_handshake_too_long')
      buffer.append(bytes, start, end)
      source = Buffer.from(buffer.take())
      at = 0
      stop = source.length
    }
    while (stop - at >= 4) {
      const length = u24be(source, at + 1)
      if (stop - at < 4 + length) break
      this.message(side, source[at]!, source, at + 4, at + 4 + length)
      at += 4 + length
    }
    if (at < stop && stop - at <= buffer.room) buffer.append(source, at, stop)
  }

  private message(side: Side, type: number, bytes: Uint8Array, start: number, end: number): void {
    if (type === handshakeType.clientHello && !this.client) this.client = parseClientHello(bytes, start, end)
    else if (type === handshakeType.serverHello && (!this.server || this.server.isRetry))
      this.server = parseServerHello(bytes, start, end)
    else if (type === handshakeType.certificate) this.certificate(side, bytes, start, end)
  }

  /** The chain of TLS 1.2 and before; TLS 1.3 hides it (RFC 5246 section 7.4.2). */
  private certificate(side: Side, bytes: Uint8Array, start: number, end: number): void {
    let at = start + 3
    for (let count = 0; at + 3 <= end; count++) {
      const length = u24be(bytes, at)
      if (at + 3 + length > end) return
      if (count === 0)
        this.certificates[side] = certificateFields(
          bytes.slice(at + 3, at + 3 + length),
          side === 1 ? 'tls.server' : 'tls.client',
        )
      if (side === 1) this.chainLength = count + 1
      at += 3 + length
    }
  }

  gap(): boolean {
    return this.finish()
  }

  end(): void {
    if (this.startUs >= 0) this.finish()
  }

  /** Tells the record, once; answers false, since nothing more is wanted. */
  private finish(): false {
    if (this.told) return false
    this.told = true
    if (!this.client && !this.server) return false
    this.conversation.emit('tls', this.startUs, this.fields())
    return false
  }

  private fields(): Fields {
    const { client, server } = this
    const fields: Fields = client ? clientHelloFields(client, 't') : {}
    if (server) {
      fields['tls.version'] = versionNames[server.version] ?? `0x${server.version.toString(16)}`
      fields['tls.version_protocol'] = server.version === 0x0300 ? 'ssl' : 'tls'
      fields['tls.cipher'] = cipherName(server.cipher)
      const text = ja3sText(server, this.serverRecordVersion)
      fields['tls.server.ja3s'] = md5(text)
      if (server.alpn !== undefined) fields['tls.next_protocol'] = server.alpn
    }
    Object.assign(fields, this.certificates[0], this.certificates[1])
    if (this.chainLength > 0) fields['traffic.tls.chain_length'] = this.chainLength
    if (this.alert !== undefined) fields['traffic.tls.alert'] = this.alert
    fields['tls.established'] = (this.isEncrypted[0] && this.isEncrypted[1]!) || this.seenApplicationData.includes(true)
    if (
      client &&
      server &&
      client.sessionIdBytes > 0 &&
      this.isEncrypted[1] &&
      this.chainLength === 0 &&
      server.version < 0x0304
    )
      fields['tls.resumed'] = true
    return fields
  }
}

/** Programs are few and say hello in the same words: their fingerprints are computed once. */
const fingerprintLimit = 8_192
const knownFingerprints = new Map<string, Fields>()

function fingerprints(client: ClientHello, carrier: 't' | 'd' | 'q'): Fields {
  const ja3 = ja3Text(client)
  const key = `${carrier}|${ja3}|${client.signatureAlgorithms}|${client.supportedVersions}|${client.alpn[0]}`
  const known = knownFingerprints.get(key)
  if (known) return known
  const fields: Fields = { 'tls.client.ja3': md5(ja3), 'tls.client.ja4': ja4(client, carrier) }
  if (knownFingerprints.size >= fingerprintLimit) knownFingerprints.delete(knownFingerprints.keys().next().value!)
  knownFingerprints.set(key, fields)
  return fields
}

/** What a ClientHello tells, over TCP (`t`), DTLS (`d`) or QUIC (`q`). */
export function clientHelloFields(client: ClientHello, carrier: 't' | 'd' | 'q'): Fields {
  const fields: Fields = {
    ...fingerprints(client, carrier),
  }
  if (client.serverName !== undefined) fields['tls.client.server_name'] = client.serverName
  if (client.alpn.length > 0) fields['traffic.tls.client_alpn'] = client.alpn
  return fields
}

function ssl2Hello(bytes: Uint8Array, start: number): ClientHello {
  const ciphers: number[] = []
  const count = u16be(bytes, start + 5)
  for (let at = start + 11; at + 3 <= start + 11 + count && at + 3 <= bytes.length; at += 3) {
    if (bytes[at] === 0) ciphers.push(u16be(bytes, at + 1))
  }
  return {
    version: u16be(bytes, start + 3),
    ciphers,
    extensions: [],
    curves: [],
    pointFormats: [],
    signatureAlgorithms: [],
    supportedVersions: [],
    alpn: [],
    serverName: undefined,
    hasSessionTicket: false,
    sessionIdBytes: 0,
  }
}

const alerts: Record<number, string> = {
  0: 'close_notify',
  10: 'unexpected_message',
  20: 'bad_record_mac',
  40: 'handshake_failure',
  42: 'bad_certificate',
  43: 'unsupported_certificate',
  44: 'certificate_revoked',
  45: 'certificate_expired',
  46: 'certificate_unknown',
  47: 'illegal_parameter',
  48: 'unknown_ca',
  49: 'access_denied',
  50: 'decode_error',
  51: 'decrypt_error',
  70: 'protocol_version',
  71: 'insufficient_security',
  80: 'internal_error',
  86: 'inappropriate_fallback',
  90: 'user_canceled',
  100: 'no_renegotiation',
  109: 'missing_extension',
  110: 'unsupported_extension',
  112: 'unrecognized_name',
  116: 'certificate_required',
  120: 'no_application_protocol',
}

function alertName(code: number): string {
  return alerts[code] ?? String(code)
}
