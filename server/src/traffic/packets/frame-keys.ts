import { FlowKey, keyWords, setIcmpPorts } from '../flow/flow-key.ts'
import { Decoder } from '../packet/decode.ts'
import { type Packet, transport } from '../packet/packet.ts'

/** Tells of captured frames which conversation they belong to, without reading what it says. */
export class FrameKeys {
  /** Hash of the conversation; meaningful when `kind` is `flow`. */
  hash = 0
  kind: 'flow' | 'fragment' | 'other' = 'other'
  /** Names the datagram, for fragments and for the one that completed it; else empty. */
  fragmentKey = ''
  private readonly decoder = new Decoder(() => undefined)
  private readonly key = new FlowKey()

  /** Looks at the frame in `packet`, whose captured bytes stay as they are. */
  take(packet: Packet): void {
    const { bytes, start, end } = packet
    const isFlow = this.decoder.decode(packet)
    this.fragmentKey = packet.fragmentKey
    if (isFlow) {
      if (packet.protocol === transport.icmp || packet.protocol === transport.icmpv6) setIcmpPorts(packet)
      this.hash = this.key.take(packet)
      this.kind = 'flow'
    } else this.kind = packet.fragmentKey === '' ? 'other' : 'fragment'
    packet.bytes = bytes
    packet.start = start
    packet.end = end
  }

  /** True when the frame last taken is of the conversation with these words; a fragment by itself does not say. */
  isOf(words: Int32Array): boolean {
    for (let word = 0; word < keyWords; word++) if (this.key.words[word] !== words[word]) return false
    return true
  }
}
