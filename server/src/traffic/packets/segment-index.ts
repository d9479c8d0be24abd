import { closeSync, openSync, readSync, renameSync, writeFileSync } from 'node:fs'

/** What a closed segment says of itself; stands before its index. */
export interface SegmentFacts {
  packets: number
  bytes: number
  firstUs: number
  lastUs: number
  link: number
}

const magic = Buffer.from('WFPKIDX1')
const headBytes = 16
const entryBytes = 8

/** Hashes and offsets of packets, gathered while a segment is written. */
export class OpenIndex {
  length = 0
  private pairs = new Uint32Array(2_048)

  add(hash: number, offset: number): void {
    if (2 * this.length === this.pairs.length) {
      const longer = new Uint32Array(2 * this.pairs.length)
      longer.set(this.pairs)
      this.pairs = longer
    }
    this.pairs[2 * this.length] = hash >>> 0
    this.pairs[2 * this.length + 1] = offset
    this.length++
  }

  /** Forgets what was added after the first `length`. */
  cutTo(length: number): void {
    this.length = length
  }

  offsetsOf(hash: number): number[] {
    const wanted = hash >>> 0
    const found: number[] = []
    for (let at = 0; at < this.length; at++) if (this.pairs[2 * at] === wanted) found.push(this.pairs[2 * at + 1]!)
    return found.sort((one, two) => one - two)
  }

  /** Writes the file beside the segment: facts, then the entries in the order of hash and offset. */
  write(path: string, facts: SegmentFacts): void {
    const entries = new BigUint64Array(this.length)
    for (let at = 0; at < this.length; at++)
      entries[at] = (BigInt(this.pairs[2 * at]!) << 32n) | BigInt(this.pairs[2 * at + 1]!)
    entries.sort()
    const text = Buffer.from(JSON.stringify(facts))
    const head = Buffer.alloc(headBytes + Math.ceil(text.length / entryBytes) * entryBytes, ' ')
    magic.copy(head)
    head.writeUInt32LE(head.length - headBytes, 8)
    head.writeUInt32LE(this.length, 12)
    text.copy(head, headBytes)
    const draft = `${path}.new`
    writeFileSync(draft, Buffer.concat([head, Buffer.from(entries.buffer)]), { mode: 0o600 })
    renameSync(draft, path)
  }
}

/** Facts of a closed segment; undefined when its index is not there, or is not whole. */
export function readFacts(path: string): SegmentFacts | undefined {
  return withFile(path, (file) => {
    const head = Buffer.alloc(4_096)
    const length = readSync(file, head, 0, head.length, 0)
    if (length < headBytes || !head.subarray(0, 8).equals(magic)) return undefined
    const textBytes = head.readUInt32LE(8)
    if (headBytes + textBytes > length) return undefined
    try {
      return JSON.parse(head.toString('utf8', headBytes, headBytes + textBytes)) as SegmentFacts
    } catch {
      return undefined
    }
  })
}

/** Offsets of the packets with this hash, ascending, by binary search in the file. */
export function readOffsets(path: string, hash: number): number[] {
  const answer = withFile(path, (file) => {
    const head = Buffer.alloc(headBytes)
    if (readSync(file, head, 0, headBytes, 0) < headBytes) return []
    const start = headBytes + head.readUInt32LE(8)
    const count = head.readUInt32LE(12)
    const entry = Buffer.alloc(entryBytes)
    const entryAt = (at: number) => {
      readSync(file, entry, 0, entryBytes, start + at * entryBytes)
      return { hash: entry.readUInt32LE(4), offset: entry.readUInt32LE(0) }
    }
    const wanted = hash >>> 0
    let low = 0
    let high = count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (entryAt(middle).hash < wanted) low = middle + 1
      else high = middle
    }
    const offsets: number[] = []
    for (let at = low; at < count; at++) {
      const found = entryAt(at)
      if (found.hash !== wanted) break
      offsets.push(found.offset)
    }
    return offsets
  })
  return answer ?? []
}

function withFile<Answer>(path: string, work: (file: number) => Answer): Answer | undefined {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    // Evicted meanwhile, or never closed.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return work(file)
  } finally {
    closeSync(file)
  }
}
