import type { Packet } from '../packet/packet.ts'
import { FlowKey, keyWords } from './flow-key.ts'

const firstCapacity = 4_096

/**
 * The flows that are open, as rows of typed arrays: about 130 bytes a flow beside its row in the hash table, and no
 * object until somebody speaks. A row number is valid from `find` to `remove`.
 *
 * Both directions of a conversation have one key: the lower of its two endpoints stands first (side 0 of the key).
 */
export class FlowTable {
  size = 0
  /** Rows that were ever used; a free row is used again first. */
  private used = 0
  private capacity = firstCapacity
  private freeRows: number[] = []
  /** Open addressing: row + 1, or 0. Twice as many places as rows. */
  private places = new Int32Array(2 * firstCapacity)
  private mask = 2 * firstCapacity - 1
  private hashes = new Int32Array(firstCapacity)
  private readonly key = new FlowKey()
  /** True when `find` found the packet's source to be the second endpoint of the key. */
  isReversed = false
  isNew = false

  /** Both addresses (IPv4 in the last word), both ports, protocol and version. */
  keys = new Int32Array(keyWords * firstCapacity)
  /** By flow and side of the key. */
  packets = new Uint32Array(2 * firstCapacity)
  /** Bytes of IP packets, headers included, as they were on the wire. */
  bytes = new Float64Array(2 * firstCapacity)
  payloadBytes = new Float64Array(2 * firstCapacity)
  tcpFlags = new Uint8Array(2 * firstCapacity)
  /** Sequence number that the next byte of this side will have; meaningful once `sequenceKnown`. */
  nextSequence = new Uint32Array(2 * firstCapacity)
  /** By flow. */
  startUs = new Float64Array(firstCapacity)
  lastUs = new Float64Array(firstCapacity)
  /** Bits: see `flowBit`. */
  bits = new Uint16Array(firstCapacity)
  vlan = new Int16Array(firstCapacity)
  /** What the sensor keeps of a flow that speaks; undefined for the silent ones. */
  talk: (unknown | undefined)[] = []
  /** The lists of timeouts, each a ring through row numbers. */
  listNext = new Int32Array(firstCapacity)
  listPrevious = new Int32Array(firstCapacity)

  /** Finds or begins the flow of a packet; then `isReversed` and `isNew` tell more. Answers the row. */
  find(packet: Packet): number {
    const hash = this.key.take(packet)
    this.isReversed = this.key.isReversed
    return this.findHashed(hash)
  }

  private findHashed(hash: number): number {
    const { keys, places, mask, hashes } = this
    const { words: probe } = this.key
    let place = hash & mask
    for (;;) {
      const row = places[place]! - 1
      if (row < 0) break
      if (hashes[row] === hash) {
        const at = row * keyWords
        if (
          keys[at + 8] === probe[8] &&
          keys[at + 3] === probe[3] &&
          keys[at + 7] === probe[7] &&
          keys[at + 9] === probe[9] &&
          keys[at] === probe[0] &&
          keys[at + 1] === probe[1] &&
          keys[at + 2] === probe[2] &&
          keys[at + 4] === probe[4] &&
          keys[at + 5] === probe[5] &&
          keys[at + 6] === probe[6]
        ) {
          this.isNew = false
          return row
        }
      }
      place = (place + 1) & mask
    }
    this.isNew = true
    return this.add(hash, place)
  }

  private add(hash: number, place: number): number {
    let row = this.freeRows.pop()
    let at = place
    if (row === undefined) {
      if (this.used === this.capacity) {
        this.grow()
        at = hash & this.mask
        while (this.places[at] !== 0) at = (at + 1) & this.mask
      }
      row = this.used++
    }
    this.places[at] = row + 1
    this.hashes[row] = hash
    this.keys.set(this.key.words, row * keyWords)
    const side = 2 * row
    this.packets[side] = this.packets[side + 1] = 0
    this.bytes[side] = this.bytes[side + 1] = 0
    this.payloadBytes[side] = this.payloadBytes[side + 1] = 0
    this.tcpFlags[side] = this.tcpFlags[side + 1] = 0
    this.bits[row] = 0
    this.talk[row] = undefined
    this.size++
    return row
  }

  /** Ends a flow; its row may be another's from now on. */
  remove(row: number): void {
    const { places, mask, hashes } = this
    let hole = hashes[row]! & mask
    while (places[hole] !== row + 1) hole = (hole + 1) & mask
    // What stands behind moves up, so that no search ends at the hole (linear probing without tombstones).
    let at = hole
    for (;;) {
      at = (at + 1) & mask
      const other = places[at]! - 1
      if (other < 0) break
      const home = hashes[other]! & mask
      const canMove = hole <= at ? home <= hole || home > at : home <= hole && home > at
      if (canMove) {
        places[hole] = other + 1
        hole = at
      }
    }
    places[hole] = 0
    this.talk[row] = undefined
    this.freeRows.push(row)
    this.size--
  }

  private grow(): void {
    const capacity = 2 * this.capacity
    const longer = <A extends Int32Array | Uint32Array | Float64Array | Uint8Array | Uint16Array | Int16Array>(
      old: A,
      length: number,
    ): A => {
      const next = new (old.constructor as new (length: number) => A)(length)
      next.set(old as never)
      return next
    }
    this.hashes = longer(this.hashes, capacity)
    this.keys = longer(this.keys, keyWords * capacity)
    this.packets = longer(this.packets, 2 * capacity)
    this.bytes = longer(this.bytes, 2 * capacity)
    this.payloadBytes = longer(this.payloadBytes, 2 * capacity)
    this.tcpFlags = longer(this.tcpFlags, 2 * capacity)
    this.nextSequence = longer(this.nextSequence, 2 * capacity)
    this.startUs = longer(this.startUs, capacity)
    this.lastUs = longer(this.lastUs, capacity)
    this.bits = longer(this.bits, capacity)
    this.vlan = longer(this.vlan, capacity)
    this.listNext = longer(this.listNext, capacity)
    this.listPrevious = longer(this.listPrevious, capacity)
    this.capacity = capacity
    this.places = new Int32Array(2 * capacity)
    this.mask = 2 * capacity - 1
    for (let row = 0; row < this.used; row++) {
      let place = this.hashes[row]! & this.mask
      while (this.places[place] !== 0) place = (place + 1) & this.mask
      this.places[place] = row + 1
    }
  }

  protocolOf(row: number): number {
    return this.keys[row * keyWords + 9]! >> 8
  }

  isIpv6(row: number): boolean {
    return (this.keys[row * keyWords + 9]! & 0xff) === 6
  }

  portOf(row: number, side: number): number {
    const word = this.keys[row * keyWords + 8]!
    return side === 0 ? word >>> 16 : word & 0xffff
  }

  /** The octets of an endpoint's address, 4 or 16 of them. */
  addressOf(row: number, side: number): Uint8Array {
    const isIpv6 = this.isIpv6(row)
    const octets = new Uint8Array(isIpv6 ? 16 : 4)
    const first = row * keyWords + 4 * side + (isIpv6 ? 0 : 3)
    for (let word = 0; word < octets.length / 4; word++) {
      const value = this.keys[first + word]!
      octets[4 * word] = value >>> 24
      octets[4 * word + 1] = value >>> 16
      octets[4 * word + 2] = value >>> 8
      octets[4 * word + 3] = value
    }
    return octets
  }
}
