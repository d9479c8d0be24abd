import type { Fields } from '../../event/event.ts'
import { latin1, u16be, u32le } from '../../lib/binary.ts'
import type { Side } from '../record.ts'
import type { Conversation, FirstBytes, Recognition, StreamDissector, StreamProtocol } from '../stream/conversation.ts'

/** What client and server may agree on (MS-RDPBCGR section 2.2.1.1.1). */
const securityProtocols: [bit: number, name: string][] = [
  [1, 'tls'],
  [2, 'hybrid'],
  [4, 'rdstls'],
  [8, 'hybrid_ex'],
  [16, 'aad'],
]

/** Remote Desktop: the connection request with its cookie (often the account's name), and what was agreed. */
export const rdp: StreamProtocol = {
  name: 'rdp',
  recognise({ side, bytes, start, end, ports }: FirstBytes): Recognition {
    if (side !== 0 || bytes[start] !== 3) return 'no'
    if (end - start < 11) return 'more'
    // TPKT (RFC 1006), then an X.224 connection request, which S7 has too; RDP's carries a cookie or a negotiation.
    if (bytes[start + 1] !== 0 || (bytes[start + 5]! & 0xf0) !== 0xe0 || ports[1] === 102) return 'no'
    const rest = latin1(bytes, start + 11, Math.min(end, start + 64))
    return rest.startsWith('Cookie: ') || (end - start === 19 && bytes[start + 11] === 1) || ports[1] === 3389
      ? 'yes'
      : 'no'
  },
  create: (conversation) => new RdpDissector(conversation),
}

class RdpDissector implements StreamDissector {
  private readonly conversation: Conversation
  private readonly fields: Fields = {}
  private startUs = -1
  private told = false

  constructor(conversation: Conversation) {
    this.conversation = conversation
  }

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    if (this.startUs < 0) this.startUs = timeUs
    if (end - start < 11 || bytes[start] !== 3) return false
    const stop = Math.min(end, start + u16be(bytes, start + 2))
    if (side === 0) {
      const request = latin1(bytes, start + 11, stop)
      const cookie = /^Cookie: (?:mstshash=)?([^\r\n]{1,256})/.exec(request)
      if (cookie) {
        this.fields['zeek.cookie'] = cookie[1]!
        if (request.startsWith('Cookie: mstshash=')) this.fields['user.name'] = cookie[1]!
      }
      const at = stop - 8
      if (at >= start + 11 && bytes[at] === 1)
        this.fields['traffic.rdp.requested_security'] = protocolNames(u32le(bytes, at + 4))
      return true
    }
    const at = start + 11
    if (stop - at >= 8 && bytes[at] === 2) {
      const chosen = protocolNames(u32le(bytes, at + 4))
      this.fields['zeek.security_protocol'] = chosen[0] ?? 'rdp'
      this.tell()
      // What follows is TLS in the same connection.
      if (chosen.length > 0) this.conversation.restart()
      return chosen.length > 0
    }
    if (stop - at >= 8 && bytes[at] === 3) {
      this.fields['event.outcome'] = 'failure'
      this.fields['event.reason'] = `negotiation failed (${u32le(bytes, at + 4)})`
    } else this.fields['zeek.security_protocol'] = 'rdp'
    this.tell()
    return false
  }

  private tell(): void {
    if (this.told) return
    this.told = true
    this.conversation.emit('rdp', this.startUs, this.fields)
  }

  gap(): boolean {
    return false
  }

  end(): void {
    if (this.startUs >= 0) this.tell()
  }
}

function protocolNames(bits: number): string[] {
  return securityProtocols.filter(([bit]) => (bits & bit) !== 0).map(([, name]) => name)
}
