import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { ipv4Number, parseIpv6 } from '../lib/ip-address.ts'

/** Who announces an address to the internet. */
export interface AutonomousSystem {
  number: number
  organization: string
}

/** Finds the system of a canonical address; undefined when none is known. */
export type FindSystem = (address: string) => AutonomousSystem | undefined

/** Addresses `first` to `last`, both included, as 32-bit words with the most significant first: one for IPv4, four for IPv6. */
export interface SystemRange {
  first: readonly number[]
  last: readonly number[]
  system: AutonomousSystem
}

const magic = 0x53_41_46_57
const formatVersion = 1
const headWords = 6
/** Stands where no system is known. */
const nobody = 0xffff_ffff

/** One family: where each run of addresses begins, and whose it is up to the next beginning. */
interface Runs {
  words: 1 | 4
  starts: Uint32Array
  systems: Uint32Array
}

/**
 * Packs ranges into the one block that `openAutonomousSystems` reads: words of 32 bits (little endian) with the head
 * (magic, version, runs of IPv4, runs of IPv6, systems, bytes of names), the runs of both families, the systems' numbers,
 * where each name begins, and the names in UTF-8. A range ends where a later one begins.
 */
export function packAutonomousSystems(four: readonly SystemRange[], six: readonly SystemRange[]): Uint8Array {
  const indexes = new Map<string, number>()
  const systems: AutonomousSystem[] = []
  const indexOf = (system: AutonomousSystem) => {
    const key = `${system.number} ${system.organization}`
    let index = indexes.get(key)
    if (index === undefined) {
      index = systems.push(system) - 1
      indexes.set(key, index)
    }
    return index
  }
  const families = [runsOf(four, 1, indexOf), runsOf(six, 4, indexOf)]
  const names = systems.map(({ organization }) => Buffer.from(organization))
  const offsets = [0]
  for (const name of names) offsets.push(offsets.at(-1)! + name.length)
  const nameBytes = offsets.at(-1)!
  const words = Uint32Array.from([
    ...[magic, formatVersion],
    ...families.map((runs) => runs.systems.length),
    ...[systems.length, nameBytes],
  ])
  const numbers = Uint32Array.from(systems, ({ number }) => number)
  const parts = [
    words,
    ...families.flatMap(({ starts, systems }) => [starts, systems]),
    numbers,
    Uint32Array.from(offsets),
  ]
  return Buffer.concat([...parts.map(({ buffer }) => Buffer.from(buffer)), ...names])
}

function runsOf(ranges: readonly SystemRange[], words: 1 | 4, indexOf: (system: AutonomousSystem) => number): Runs {
  const starts: number[] = []
  const systems: number[] = []
  const begin = (at: readonly number[], system: number) => {
    // Two runs that begin at one address: the later one counts.
    if (systems.length > 0 && compareWords(starts, starts.length - words, at) === 0) {
      starts.length -= words
      systems.pop()
    }
    if (systems.at(-1) === system) return
    starts.push(...at)
    systems.push(system)
  }
  let after: number[] | undefined
  for (const { first, last, system } of [...ranges].sort((a, b) => compareWords(a.first, 0, b.first))) {
    if (after && compareWords(after, 0, first) < 0) begin(after, nobody)
    begin(first, indexOf(system))
    after = successor(last)
  }
  if (after) begin(after, nobody)
  return { words, starts: Uint32Array.from(starts), systems: Uint32Array.from(systems) }
}

/** The address behind, or undefined behind the last one. */
function successor(words: readonly number[]): number[] | undefined {
  const next = [...words]
  for (let index = next.length - 1; index >= 0; index--) {
    next[index] = (next[index]! + 1) >>> 0
    if (next[index] !== 0) return next
  }
  return undefined
}

function compareWords(table: ArrayLike<number>, at: number, words: ArrayLike<number>): number {
  for (let index = 0; index < words.length; index++) {
    const difference = table[at + index]! - words[index]!
    if (difference !== 0) return difference
  }
  return 0
}

/** Reads a packed file into memory that all threads share: it is held once a process, and given to threads for nothing. */
export function readAutonomousSystems(path: string): SharedArrayBuffer {
  const descriptor = openSync(path, 'r')
  try {
    const block = new SharedArrayBuffer(fstatSync(descriptor).size)
    readSync(descriptor, new Uint8Array(block))
    return block
  } finally {
    closeSync(descriptor)
  }
}

/** Opens what `packAutonomousSystems` packed. Throws RangeError when the block is not whole or of another version. */
export function openAutonomousSystems(block: ArrayBufferLike): FindSystem {
  const size = block.byteLength
  const head = new Uint32Array(block, 0, size < headWords * 4 ? 0 : headWords)
  const [mark, version, fourRuns = 0, sixRuns = 0, systemCount = 0, nameBytes = 0] = head
  const lengths = [fourRuns, fourRuns, sixRuns * 4, sixRuns, systemCount, systemCount + 1]
  const wholeSize = (headWords + lengths.reduce((sum, length) => sum + length, 0)) * 4 + nameBytes
  if (mark !== magic || version !== formatVersion || size !== wholeSize)
    throw new RangeError('the table of autonomous systems is not whole')
  let at = headWords * 4
  const [fourStarts, fourSystems, sixStarts, sixSystems, numbers, offsets] = lengths.map((length) => {
    const part = new Uint32Array(block, at, length)
    at += length * 4
    return part
  }) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array]
  const names = Buffer.from(block, at, nameBytes)
  const four: Runs = { words: 1, starts: fourStarts, systems: fourSystems }
  const six: Runs = { words: 4, starts: sixStarts, systems: sixSystems }
  return (address) => {
    const groups = address.includes(':') ? parseIpv6(address) : undefined
    const index = groups ? systemOf(six, wordsOf(groups)) : systemOf(four, [ipv4Number(address)])
    if (index === nobody) return undefined
    return { number: numbers[index]!, organization: names.toString('utf8', offsets[index], offsets[index + 1]) }
  }
}

/** The four words of the eight groups of an IPv6 address. */
function wordsOf(groups: readonly number[]): number[] {
  return [0, 2, 4, 6].map((index) => groups[index]! * 0x10000 + groups[index + 1]!)
}

/** The last run that begins at or before the address says whose it is. */
function systemOf({ words, starts, systems }: Runs, address: readonly number[]): number {
  let low = 0
  let high = systems.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareWords(starts, middle * words, address) <= 0) low = middle + 1
    else high = middle
  }
  return low === 0 ? nobody : systems[low - 1]!
}
