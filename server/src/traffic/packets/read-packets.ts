import { closeSync, openSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { Packet } from '../packet/packet.ts'
import { keyOfEndpoints, type PacketEndpoints } from './endpoints.ts'
import { FrameKeys } from './frame-keys.ts'
import { fileHeaderBytes, pcapHeader, type ReadableSegment, readFrame } from './segment.ts'

/** A conversation, and when it took place. */
export interface PacketSelection {
  endpoints: PacketEndpoints
  /** First and last packet, microseconds, both included; where they are not known `aroundUs` says a time within. */
  fromUs?: number
  toUs?: number
  /** The conversation goes as far from here as nobody is silent for longer than a flow may be. */
  aroundUs?: number
}

export interface FoundPackets {
  packets: number
  bytes: number
  /** True when there is more than the bound of an answer. */
  isCut: boolean
  /** Packets left out, as a pcap file has one link type. */
  otherLink: number
  /** The pcap file; empty of packets when nothing was found. */
  pcap(): AsyncGenerator<Buffer>
}

interface Place {
  segment: ReadableSegment
  offset: number
  timeUs: number
  bytes: number
}

/** Longest silence within one conversation: the timeout of an open TCP flow (flow/timeouts.ts). */
const silenceUs = 300e6
/** Packets that are read before others get their turn. */
const packetsATurn = 2_000
const outputBytes = 262_144

/** Packets of conversations in segments, merged in the order of time, up to a bound of bytes. */
export async function findPackets(
  segments: readonly ReadableSegment[],
  selections: readonly PacketSelection[],
  limitBytes: number,
): Promise<FoundPackets> {
  const files = new Map<string, number | undefined>()
  try {
    const places = new Map<string, Place>()
    for (const selection of selections)
      for (const place of await placesOf(segments, selection, files))
        places.set(`${place.segment.number}/${place.offset}`, place)
    const all = [...places.values()].sort((one, two) => one.timeUs - two.timeUs || order(one, two))
    const link = all[0]?.segment.facts.link ?? 1
    const ofLink = all.filter(({ segment }) => segment.facts.link === link)
    let bytes = fileHeaderBytes
    let count = 0
    while (count < ofLink.length && bytes + ofLink[count]!.bytes <= limitBytes) bytes += ofLink[count++]!.bytes
    const given = ofLink.slice(0, count)
    return {
      packets: given.length,
      bytes,
      isCut: given.length < ofLink.length,
      otherLink: all.length - ofLink.length,
      pcap: () => writePcap(given, link),
    }
  } finally {
    closeAll(files)
  }
}

function order(one: Place, two: Place): number {
  return one.segment.number - two.segment.number || one.offset - two.offset
}

/** Files of segments, opened once; undefined for one that gave way meanwhile. */
function fileOf(files: Map<string, number | undefined>, { path }: ReadableSegment): number | undefined {
  if (files.has(path)) return files.get(path)
  let file: number | undefined
  try {
    file = openSync(`${path}.pcap`, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  files.set(path, file)
  return file
}

function closeAll(files: Map<string, number | undefined>): void {
  for (const file of files.values()) if (file !== undefined) closeSync(file)
  files.clear()
}

async function placesOf(
  segments: readonly ReadableSegment[],
  { endpoints, fromUs, toUs, aroundUs }: PacketSelection,
  files: Map<string, number | undefined>,
): Promise<Place[]> {
  const { hash, words } = keyOfEndpoints(endpoints)
  const keys = new FrameKeys()
  const packet = new Packet()
  const found: Place[] = []
  for (const segment of segments) {
    if (segment.facts.packets === 0) continue
    if (fromUs !== undefined && segment.facts.lastUs < fromUs) continue
    if (toUs !== undefined && segment.facts.firstUs > toUs) continue
    // Each segment is decoded from its beginning: fragments of a datagram lie in the same one.
    for (const offset of new Set(segment.offsetsOf(hash))) {
      const file = fileOf(files, segment)
      if (file === undefined) break
      const bytes = readFrame(file, offset, segment.facts.link, packet)
      if (bytes === 0) continue
      if ((fromUs !== undefined && packet.timeUs < fromUs) || (toUs !== undefined && packet.timeUs > toUs)) continue
      keys.take(packet)
      // Two conversations may have the same hash. A fragment by itself shows no ports; the index knows whose it is.
      if (keys.kind === 'flow' && !keys.isOf(words)) continue
      found.push({ segment, offset, timeUs: packet.timeUs, bytes })
      if (found.length % packetsATurn === 0) await setImmediate()
    }
  }
  found.sort((one, two) => one.timeUs - two.timeUs || order(one, two))
  return aroundUs === undefined ? found : runAround(found, aroundUs)
}

/** The run of packets around a time in which no silence is longer than a flow may have. */
function runAround(places: Place[], aroundUs: number): Place[] {
  let run: Place[] = []
  for (const place of places) {
    const last = run.at(-1)
    if (last && place.timeUs - last.timeUs > silenceUs) {
      if (last.timeUs >= aroundUs - 1e6) break
      run = []
    }
    run.push(place)
  }
  const [first] = run
  const last = run.at(-1)
  const isNear = first && last && first.timeUs <= aroundUs + 1e6 && last.timeUs >= aroundUs - silenceUs
  return isNear ? run : []
}

async function* writePcap(places: readonly Place[], link: number): AsyncGenerator<Buffer> {
  const files = new Map<string, number | undefined>()
  const packet = new Packet()
  let pieces: Buffer[] = [pcapHeader(link)]
  let bytes = fileHeaderBytes
  try {
    for (const { segment, offset } of places) {
      const file = fileOf(files, segment)
      if (file === undefined) continue
      if (readFrame(file, offset, link, packet) === 0) continue
      // A record lies in its file as it does in the answer.
      pieces.push(packet.bytes as Buffer)
      bytes += packet.bytes.length
      if (bytes >= outputBytes) {
        yield Buffer.concat(pieces)
        pieces = []
        bytes = 0
      }
    }
    if (pieces.length > 0) yield Buffer.concat(pieces)
  } finally {
    closeAll(files)
  }
}
