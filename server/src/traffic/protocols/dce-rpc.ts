import { u16be, u16le } from '../../lib/binary.ts'
import type { Side } from '../record.ts'
import type { Conversation, FirstBytes, StreamDissector, StreamProtocol } from '../stream/conversation.ts'
import { Framer } from '../stream/framer.ts'
import { rpcNames } from './dce-rpc-interfaces.ts'
import { findNtlm, type NtlmMessage, ntlmFields } from './ntlm.ts'

const packetType = { request: 0, response: 2, fault: 3, bind: 11, bindAck: 12, alterContext: 14, auth3: 16 } as const
const headerBytes = 16
const isFirstFragment = 1
const contextLimit = 64

function isHeader(bytes: Uint8Array, at: number, end: number): boolean {
  return end - at >= 4 && bytes[at] === 5 && bytes[at + 1]! <= 1 && bytes[at + 2]! <= 19
}

/** Connection-oriented DCE/RPC (The Open Group C706 chapter 12, MS-RPCE) straight over TCP. */
export const dceRpc: StreamProtocol = {
  name: 'dce_rpc',
  recognise({ bytes, start, end }: FirstBytes) {
    if (end - start < headerBytes) return bytes[start] === 5 && end - start < 4 ? 'more' : 'no'
    if (!isHeader(bytes, start, end)) return 'no'
    const type = bytes[start + 2]!
    if (type !== packetType.bind && type !== packetType.bindAck && type !== packetType.request) return 'no'
    // The data representation: little- or big-endian integers, ASCII, IEEE floats.
    return (bytes[start + 4]! & 0xef) === 0 && bytes[start + 6] === 0 ? 'yes' : 'no'
  },
  create: (conversation) => new DceRpcStream(conversation),
}

class DceRpcStream implements StreamDissector {
  private readonly rpc: DceRpc

  constructor(conversation: Conversation) {
    this.rpc = new DceRpc(conversation)
  }

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    return this.rpc.data(side, bytes, start, end, timeUs)
  }

  gap(): boolean {
    return false
  }

  end(): void {
    // Every call was told when it was made.
  }
}

/** One DCE/RPC association: over TCP, or over a named pipe of SMB (then `pipe` names it). */
export class DceRpc {
  private readonly conversation: Conversation
  private readonly pipe: string | undefined
  private readonly framers: [Framer, Framer]
  /** Presentation context -> UUID of its interface. */
  private readonly contexts = new Map<number, string>()
  private challenge: NtlmMessage | undefined
  private timeUs = 0

  constructor(conversation: Conversation, pipe?: string) {
    this.conversation = conversation
    this.pipe = pipe
    const rule = {
      headerBytes,
      limitBytes: 65_535,
      lengthOf: (bytes: Uint8Array, at: number) =>
        isHeader(bytes, at, at + headerBytes) ? number16(bytes, at, at + 8) : -1,
    }
    this.framers = [new Framer(rule), new Framer(rule)]
  }

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    this.timeUs = timeUs
    return this.framers[side].push(bytes, start, end, (source, from, to) => this.packet(side, source, from, to))
  }

  private packet(side: Side, bytes: Uint8Array, start: number, end: number): void {
    const type = bytes[start + 2]!
    if (type === packetType.bind || type === packetType.alterContext) this.bind(bytes, start, end)
    else if (type === packetType.request && side === 0 && bytes[start + 3]! & isFirstFragment)
      this.request(bytes, start, end)
    const authBytes = number16(bytes, start, start + 10)
    if (
      authBytes > 0 &&
      authBytes + headerBytes <= end - start &&
      type !== packetType.request &&
      type !== packetType.response
    )
      this.authentication(bytes, end - authBytes, end)
  }

  private bind(bytes: Uint8Array, start: number, end: number): void {
    let at = start + 28
    for (let count = bytes[start + 24]!; count > 0 && at + 24 <= end; count--) {
      if (this.contexts.size >= contextLimit) return
      const transfers = bytes[at + 2]!
      this.contexts.set(number16(bytes, start, at), uuid(bytes, at + 4, isLittle(bytes, start)))
      at += 24 + 20 * transfers
    }
  }

  private request(bytes: Uint8Array, start: number, end: number): void {
    if (end - start < 24) return
    const context = this.contexts.get(number16(bytes, start, start + 20))
    // Calls whose binding was not seen have no name.
    if (context === undefined) return
    const { endpoint, operation } = rpcNames(context, number16(bytes, start, start + 22))
    this.conversation.emit('dce_rpc', this.timeUs, {
      'event.action': operation,
      'zeek.endpoint': endpoint,
      'zeek.operation': operation,
      ...(this.pipe === undefined ? {} : { 'zeek.named_pipe': this.pipe }),
    })
  }

  private authentication(bytes: Uint8Array, start: number, end: number): void {
    const message = findNtlm(bytes, start, end)
    if (message?.type === 2) this.challenge = message
    if (message?.type === 3) this.conversation.emit('ntlm', this.timeUs, ntlmFields(message, this.challenge, undefined))
  }
}

function isLittle(bytes: Uint8Array, start: number): boolean {
  return (bytes[start + 4]! & 0x10) !== 0
}

function number16(bytes: Uint8Array, packet: number, at: number): number {
  return isLittle(bytes, packet) ? u16le(bytes, at) : u16be(bytes, at)
}

function uuid(bytes: Uint8Array, at: number, little: boolean): string {
  const octets = [...bytes.subarray(at, at + 16)]
  const order = little ? [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] : [...octets.keys()]
  const text = order.map((index) => octets[index]!.toString(16).padStart(2, '0')).join('')
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`
}
