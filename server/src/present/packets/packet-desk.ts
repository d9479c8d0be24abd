import { join } from 'node:path'
import { shippedContentDir } from '../../config/content-dir.ts'
import { CodedError } from '../../event/errors.ts'
import type { WholeEvent } from '../../state/events/get.ts'
import { keepsPackets } from '../../state/sensors/keeps-packets.ts'
import { listSensors } from '../../state/sensors/list.ts'
import type { Context } from '../../state/write.ts'
import { CaptureParser } from '../../traffic/capture/capture.ts'
import { openYara } from '../../traffic/files/yara.ts'
import { Packet } from '../../traffic/packet/packet.ts'
import { endpointsOfFields, keyOfEndpoints } from '../../traffic/packets/endpoints.ts'
import { PacketRing } from '../../traffic/packets/packet-ring.ts'
import type { PacketSelection } from '../../traffic/packets/read-packets.ts'
import { fileHeaderBytes, pcapHeader } from '../../traffic/packets/segment.ts'
import type { InspectFile } from '../../traffic/stream/files.ts'
import type { Dependencies } from '../dependencies.ts'
import { type PacketAnswer, SensorDesk } from './sensor-desk.ts'

/** Bytes of one answer; a longer conversation is cut, which is told. */
export const answerLimitBytes = 64 * 1_048_576
const dayMs = 86_400_000
const flushEveryMs = 60_000
/** Sensors that are asked when the source of an event keeps no packets itself. */
const sensorsAskedMax = 8

/** Packets the platform keeps of imported captures, and the way to those that sensors keep. */
export class PacketDesk {
  readonly sensors: SensorDesk
  private opened: PacketRing | undefined
  private yara: { inspect: InspectFile | undefined } | undefined
  private readonly dependencies: Dependencies
  private readonly stopped = new AbortController()

  constructor(dependencies: Dependencies) {
    this.dependencies = dependencies
    this.sensors = new SensorDesk(dependencies.clock)
  }

  /** Looks into the files of captures that are imported; undefined where there is nothing to look with. */
  get inspectFile(): InspectFile | undefined {
    if (this.yara === undefined) {
      const { config, logger } = this.dependencies
      const folders = [shippedContentDir(), ...(config.contentDir ? [config.contentDir] : [])]
      const tell = (reason: string) => logger.warn({ reason }, 'files in captures are not looked into: no YARA engine')
      this.yara = { inspect: openYara(folders, tell) }
    }
    return this.yara.inspect
  }

  /** Opened when the server listens, or somebody needs it earlier; what a crash left open is closed then. */
  get ring(): PacketRing {
    const { config, clock } = this.dependencies
    this.opened ??= new PacketRing({
      directory: join(config.dataDir, 'packets'),
      limitBytes: config.packetBytes,
      maxAgeMs: config.packetDays * dayMs,
      now: () => clock.now(),
    })
    return this.opened
  }

  /**
   * Packets of the conversations that events tell of, merged in the order of time. They are looked for under the source of
   * each event, and with the sensors the actor can see. Throws PACKETS_NOT_KEPT, SENSOR_SILENT.
   */
  async packetsOf(
    context: Context,
    events: readonly WholeEvent[],
  ): Promise<PacketAnswer & { conversations: string[] }> {
    const bySource = new Map<string, Map<string, PacketSelection>>()
    const conversations = new Set<string>()
    for (const { event, sourceKey } of events) {
      const selection = selectionOf(event)
      if (selection === undefined) continue
      const { protocol, source, destination, sourcePort, destinationPort } = selection.endpoints
      conversations.add(`${protocol} ${source} ${sourcePort} ${destination} ${destinationPort}`)
      const wanted = bySource.get(sourceKey) ?? new Map<string, PacketSelection>()
      wanted.set(keyText(selection), selection)
      bySource.set(sourceKey, wanted)
    }
    if (bySource.size === 0) throw notKept('The event names no conversation: addresses or the transport are missing')
    const answers: PacketAnswer[] = []
    for (const [sourceKey, wanted] of bySource)
      answers.push(await this.ofSource(context, sourceKey, [...wanted.values()]))
    const merged = merge(answers)
    if (merged.packets === 0) throw notKept('No packets of the conversation are kept (any more)')
    return { ...merged, conversations: [...conversations] }
  }

  close(): void {
    this.stopped.abort()
    this.sensors.close()
    this.opened?.close()
  }

  private async ofSource(context: Context, sourceKey: string, selections: PacketSelection[]): Promise<PacketAnswer> {
    const found = await this.ring.find(sourceKey, selections, answerLimitBytes)
    if (found.packets > 0) {
      const pieces: Buffer[] = []
      for await (const piece of found.pcap()) pieces.push(piece)
      return { pcap: Buffer.concat(pieces), packets: found.packets, isCut: found.isCut }
    }
    const asked = (await keepsPackets(context, sourceKey)) ? [sourceKey] : await this.otherSensors(context)
    const answers = await Promise.allSettled(asked.map((key) => this.sensors.ask(key, selections)))
    const heard = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
    const failed = answers.find((answer) => answer.status === 'rejected')
    if (heard.length === 0 && failed) throw failed.reason
    return merge(heard)
  }

  /** Another program's record (an alert of an intrusion detector, a flow of a router) may be of a wire a sensor watches too. */
  private async otherSensors(context: Context): Promise<string[]> {
    const reader = { ...context, actor: { ...context.actor, permissions: new Set(['source:read'] as const) } }
    const { items } = await listSensors(reader, { limit: 500 })
    const keeping = items.filter(({ ring, isSilent }) => ring !== null && !isSilent)
    return keeping.slice(0, sensorsAskedMax).map(({ sourceKey }) => sourceKey)
  }

  /** Lets packets go by their age until `close`. */
  async keepInBounds(): Promise<void> {
    const { clock, logger } = this.dependencies
    try {
      for (;;) {
        this.ring.flush()
        await clock.sleep(flushEveryMs, this.stopped.signal)
      }
    } catch (error) {
      if (!this.stopped.signal.aborted) logger.error({ err: error }, 'the ring of packets is not kept in its bounds')
    }
  }
}

/** What to look for; a flow tells when it began and ended, other records only a time within it. */
function selectionOf(event: Readonly<Record<string, unknown>>): PacketSelection | undefined {
  const endpoints = endpointsOfFields(event)
  if (endpoints === undefined) return undefined
  const at = Date.parse(String(event['@timestamp']))
  const from = Date.parse(String(event['event.start'] ?? ''))
  const to = Date.parse(String(event['event.end'] ?? ''))
  if (Number.isNaN(from) || Number.isNaN(to)) return { endpoints, aroundUs: at * 1e3 }
  // Times of events are whole milliseconds.
  return { endpoints, fromUs: from * 1e3, toUs: to * 1e3 + 999 }
}

function keyText({ endpoints, fromUs, aroundUs }: PacketSelection): string {
  return `${keyOfEndpoints(endpoints).words.join()} ${fromUs ?? aroundUs}`
}

function notKept(message: string): CodedError {
  return new CodedError('PACKETS_NOT_KEPT', message)
}

/** Several captures as one, in the order of time, each packet once; of one link type, as a pcap file has. */
function merge(answers: readonly PacketAnswer[]): PacketAnswer {
  const filled = answers.filter(({ packets }) => packets > 0)
  const isCut = answers.some((answer) => answer.isCut)
  if (filled.length === 1) return filled[0]!
  const records: { timeUs: number; link: number; bytes: Buffer }[] = []
  for (const { pcap } of filled) {
    const parser = new CaptureParser(new Packet(), ({ bytes, start, end, timeUs, link }) => {
      // Our own captures: the header of a record stands right before the packet.
      const record = Buffer.from(bytes.subarray(start - 16, end))
      records.push({ timeUs, link, bytes: record })
    })
    parser.push(pcap)
  }
  records.sort((one, two) => one.timeUs - two.timeUs)
  const link = records[0]?.link ?? 1
  const seen = new Set<string>()
  const pieces: Buffer[] = []
  let bytes = fileHeaderBytes
  for (const record of records) {
    const text = record.bytes.toString('latin1')
    if (record.link !== link || seen.has(text)) continue
    if (bytes + record.bytes.length > answerLimitBytes) break
    seen.add(text)
    pieces.push(record.bytes)
    bytes += record.bytes.length
  }
  return {
    pcap: Buffer.concat([pcapHeader(link), ...pieces]),
    packets: pieces.length,
    isCut: isCut || pieces.length < seen.size,
  }
}
