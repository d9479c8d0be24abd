import type { Fields } from '../../event/event.ts'
import { u32be } from '../../lib/binary.ts'

const requestsHeld = 64
const lengthsHeld = 32
const octetsCompared = 1_472

/** What the echo requests and replies of a flow carried: a real ping gets back what it sent, a tunnel something else. */
export class Echoes {
  private requests = 0
  private replies = 0
  private unlikeReplies = 0
  private longest = 0
  private readonly lengths = new Set<number>()
  private readonly counts = new Uint32Array(256)
  /** Identifier and number -> payload of the request, for its reply. */
  private readonly waiting = new Map<number, Buffer>()
  private before: Buffer = Buffer.alloc(0)
  private compared = 0
  private changed = 0

  /** `bytes[start, end)` is the ICMP message from its identifier on. */
  add(isRequest: boolean, bytes: Uint8Array, start: number, end: number): void {
    if (end - start < 4) return
    const key = u32be(bytes, start)
    const payload = Buffer.from(bytes.subarray(start + 4, Math.min(end, start + 4 + octetsCompared)))
    for (const octet of payload) this.counts[octet]!++
    if (this.lengths.size < lengthsHeld) this.lengths.add(payload.length)
    this.longest = Math.max(this.longest, end - start - 4)
    if (isRequest) {
      this.requests++
      if (this.waiting.size >= requestsHeld) this.waiting.delete(this.waiting.keys().next().value!)
      this.waiting.set(key, payload)
      const common = Math.min(this.before.length, payload.length)
      if (this.requests > 1) {
        for (let at = 0; at < common; at++) if (this.before[at] !== payload[at]) this.changed++
        this.changed += Math.abs(this.before.length - payload.length)
        this.compared += Math.max(this.before.length, payload.length)
      }
      this.before = payload
    } else {
      this.replies++
      const asked = this.waiting.get(key)
      this.waiting.delete(key)
      if (!asked?.equals(payload)) this.unlikeReplies++
    }
  }

  fields(): Fields {
    let total = 0
    for (const count of this.counts) total += count
    let bits = 0
    for (const count of this.counts) if (count > 0) bits -= (count / total) * Math.log2(count / total)
    return {
      'traffic.icmp.requests': this.requests,
      'traffic.icmp.replies': this.replies,
      'traffic.icmp.unlike_replies': this.unlikeReplies,
      'traffic.icmp.lengths': this.lengths.size,
      'traffic.icmp.longest': this.longest,
      'traffic.icmp.entropy': Math.round(bits * 100) / 100,
      'traffic.icmp.change': this.compared === 0 ? 0 : Math.round((100 * this.changed) / this.compared) / 100,
    }
  }
}
