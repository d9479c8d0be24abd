import type { Fields } from '../../event/event.ts'
import { latin1, u32be } from '../../lib/binary.ts'
import type { Side } from '../record.ts'
import type { Conversation, FirstBytes, Recognition, StreamDissector, StreamProtocol } from '../stream/conversation.ts'
import { Framer } from '../stream/framer.ts'
import { LineReader } from '../stream/line-reader.ts'
import { md5 } from './tls-hello.ts'

const keyExchangeInit = 20
const packetBytesLimit = 262_144

/** SSH up to where it is encrypted: versions and the offers by which programs are known (RFC 4253, HASSH). */
export const ssh: StreamProtocol = {
  name: 'ssh',
  recognise({ bytes, start, end }: FirstBytes): Recognition {
    const head = latin1(bytes, start, Math.min(end, start + 4))
    return head === 'SSH-' ? 'yes' : 'SSH-'.startsWith(head) ? 'more' : 'no'
  },
  create: (conversation) => new SshDissector(conversation),
}

interface Offer {
  /** The ten lists of names of a KEXINIT, in their order. */
  lists: string[]
}

class SshDissector implements StreamDissector {
  private readonly conversation: Conversation
  private readonly versions: [string | undefined, string | undefined] = [undefined, undefined]
  private readonly offers: [Offer | undefined, Offer | undefined] = [undefined, undefined]
  private readonly lines = [new LineReader(), new LineReader()] as const
  private readonly framers: readonly [Framer, Framer]
  private startUs = -1
  private told = false

  constructor(conversation: Conversation) {
    this.conversation = conversation
    const rule = {
      headerBytes: 6,
      limitBytes: packetBytesLimit,
      lengthOf: (bytes: Uint8Array, at: number) => 4 + u32be(bytes, at),
    }
    this.framers = [new Framer(rule), new Framer(rule)]
  }

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    if (this.startUs < 0) this.startUs = timeUs
    let at = start
    if (this.versions[side] === undefined) {
      // Lines before the version are the server's greeting (RFC 4253 section 4.2).
      at = this.lines[side].push(bytes, start, end, (line) => {
        if (line.startsWith('SSH-')) this.versions[side] = line.slice(0, 255)
        return this.versions[side] === undefined
      })
      if (this.versions[side] === undefined) return true
    }
    if (this.versions[side]!.startsWith('SSH-1.') && !this.versions[side]!.startsWith('SSH-1.99')) {
      return this.versions[0] === undefined || this.versions[1] === undefined
    }
    const isFramed = this.framers[side].push(bytes, at, end, (source, from, to) => this.packet(side, source, from, to))
    return isFramed && (this.offers[0] === undefined || this.offers[1] === undefined)
  }

  private packet(side: Side, bytes: Uint8Array, start: number, end: number): void {
    if (this.offers[side] || bytes[start + 5] !== keyExchangeInit) return
    const lists: string[] = []
    let at = start + 22
    for (let count = 0; count < 10 && at + 4 <= end; count++) {
      const length = u32be(bytes, at)
      if (at + 4 + length > end) return
      lists.push(latin1(bytes, at + 4, at + 4 + length))
      at += 4 + length
    }
    if (lists.length === 10) this.offers[side] = { lists }
  }

  gap(): boolean {
    return false
  }

  end(): void {
    if (this.told || this.startUs < 0) return
    this.told = true
    const [client, server] = this.versions
    const fields: Fields = {}
    if (client !== undefined) fields['zeek.client'] = client
    if (server !== undefined) fields['zeek.server'] = server
    const version = /^SSH-(\d)/.exec(server ?? client ?? '')?.[1]
    if (version !== undefined) fields['zeek.version'] = Number(server?.startsWith('SSH-1.99') ? 2 : version)
    const [mine, theirs] = this.offers
    // HASSH (https://github.com/salesforce/hassh): key exchange, then cipher, MAC and compression of the sender's own direction.
    if (mine) fields['traffic.ssh.hassh'] = md5([mine.lists[0], mine.lists[2], mine.lists[4], mine.lists[6]].join(';'))
    if (theirs)
      fields['traffic.ssh.hassh_server'] = md5(
        [theirs.lists[0], theirs.lists[3], theirs.lists[5], theirs.lists[7]].join(';'),
      )
    if (mine && theirs) {
      const chosen = (index: number) => {
        const offered = theirs.lists[index]!.split(',')
        return mine.lists[index]!.split(',').find((name) => offered.includes(name)) ?? 'none'
      }
      fields['zeek.kex_alg'] = chosen(0)
      fields['zeek.host_key_alg'] = chosen(1)
      fields['zeek.cipher_alg'] = chosen(2)
      fields['zeek.mac_alg'] = chosen(4)
    }
    this.conversation.emit('ssh', this.startUs, fields)
  }
}
