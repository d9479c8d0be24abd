import { CaptureParser } from '../capture/capture.ts'
import { Packet } from '../packet/packet.ts'
import { keyOfEndpoints } from './endpoints.ts'
import { FrameKeys } from './frame-keys.ts'
import type { PacketSelection } from './read-packets.ts'
import { pcapHeader, recordOf } from './segment.ts'

/** Datagrams whose fragments wait to be known as the conversation's. */
const fragmentedLimit = 4_096

export interface FilterReport {
  packets: number
  /** Left out, as a pcap file has one link type. */
  otherLink: number
  isCapture: boolean
}

/** Packets of conversations out of a capture, as pcap in the order in which they lie there; `report` is told at the end. */
export async function* filterPackets(
  source: AsyncIterable<Uint8Array>,
  selections: readonly PacketSelection[],
  report: (report: FilterReport) => void,
): AsyncGenerator<Buffer> {
  const wanted = selections.map((selection) => ({ ...selection, ...keyOfEndpoints(selection.endpoints) }))
  const keys = new FrameKeys()
  const fragmented = new Map<string, Buffer[]>()
  let pieces: Buffer[] = []
  let link = -1
  const told: FilterReport = { packets: 0, otherLink: 0, isCapture: true }

  const write = (record: Buffer) => {
    pieces.push(record)
    told.packets++
  }
  const take = (packet: Packet) => {
    keys.take(packet)
    if (keys.kind === 'fragment') {
      const waiting = fragmented.get(keys.fragmentKey)
      if (waiting) waiting.push(recordOf(packet))
      else fragmented.set(keys.fragmentKey, [recordOf(packet)])
      if (fragmented.size > fragmentedLimit) fragmented.delete(fragmented.keys().next().value!)
      return
    }
    const earlier = keys.fragmentKey === '' ? [] : (fragmented.get(keys.fragmentKey) ?? [])
    fragmented.delete(keys.fragmentKey)
    const isWanted =
      keys.kind === 'flow' &&
      wanted.some(
        ({ hash, words, fromUs = 0, toUs = Number.MAX_SAFE_INTEGER }) =>
          hash === keys.hash && keys.isOf(words) && packet.timeUs >= fromUs && packet.timeUs <= toUs,
      )
    if (!isWanted) return
    if (link < 0) {
      link = packet.link
      pieces.push(pcapHeader(link))
    }
    if (packet.link !== link) told.otherLink++
    else for (const record of [...earlier, recordOf(packet)]) write(record)
  }
  const parser = new CaptureParser(new Packet(), take)
  for await (const bytes of source) {
    parser.push(bytes)
    if (pieces.length > 0) yield Buffer.concat(pieces)
    pieces = []
    if (parser.state !== 'reading') break
  }
  parser.end()
  report({ ...told, isCapture: parser.state !== 'not-a-capture' })
}
