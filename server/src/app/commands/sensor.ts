import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { CodedError } from '../../event/errors.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { CaptureParser } from '../../traffic/capture/capture.ts'
import { recordLine } from '../../traffic/event.ts'
import { Packet } from '../../traffic/packet/packet.ts'
import { PacketRing } from '../../traffic/packets/packet-ring.ts'
import { type Emit, noEndpoints } from '../../traffic/record.ts'
import { Sensor } from '../../traffic/sensor.ts'
import { contentDirs } from '../content.ts'
import { addFileOptions, type FileOptions, openJudges } from '../files/open-judges.ts'
import { createRecordSender, requireToken } from '../record-sender.ts'
import { followPlatform } from '../sensor-link.ts'
import { programVersion } from '../version.ts'

interface Options extends FileOptions {
  interface?: string
  filter?: string
  url: string
  tokenFile: string
  source: string
  packetsDir?: string
  packetsBytes: string
  packetsDays: string
}

/** Name under which the ring keeps the packets; a sensor has one source. */
const ringSource = 'sensor'
const dayMs = 86_400_000

const flushEveryMs = 1_000
const reportEveryMs = 30_000

/** Programs that capture with the privileges they need and write pcap to their output; the first that is there is used. */
const capturers: [program: string, parameters: (name: string, filter: string | undefined) => string[]][] = [
  [
    'tcpdump',
    (name, filter) => ['-i', name, '-U', '-n', '-s', '0', '-w', '-', ...(filter === undefined ? [] : [filter])],
  ],
  ['dumpcap', (name, filter) => ['-i', name, '-P', '-q', '-w', '-', ...(filter === undefined ? [] : ['-f', filter])]],
]

/** `watchfire sensor`: the packets of an interface, or a live capture on standard input, as records of a platform. */
export function sensorCommand(program: Command, config: () => Config): void {
  const command = program
    .command('sensor')
    .description('watches an interface (through tcpdump or dumpcap) and sends what conversations say to a platform')
    .option('--interface <name>', 'interface to watch; without it a capture is read from standard input')
    .option('--filter <expression>', 'capture filter, in the language of tcpdump')
    .option('--url <address>', 'address of the platform', 'http://127.0.0.1:8080')
    .requiredOption('--token-file <file>', 'file that holds an API token with the permission `ingest`')
    .option('--source <name>', 'name under which the platform lists this sensor', `sensor-${hostname()}`)
    .option(
      '--packets-dir <folder>',
      'keeps the packets there, so that those of a conversation can be got on the platform',
    )
    .option('--packets-bytes <number>', 'bytes that kept packets may take; the oldest give way', String(10 * 2 ** 30))
    .option('--packets-days <number>', 'days that packets are kept at most', '7')
  addFileOptions(command).action((options: Options) => run(options, contentDirs(config())))
}

async function run(options: Options, folders: readonly string[]): Promise<void> {
  const token = requireToken(readToken(options.tokenFile))
  const ring = openRing(options)
  const keeper = ring?.writer(ringSource)
  const sender = createRecordSender({
    url: options.url,
    token,
    source: options.source,
    clock: systemClock,
    onTrouble: (text) => console.error(text),
  })
  const emit: Emit = (record) => sender.add(recordLine(record))
  const onTrouble = (text: string) => console.error(text)
  const judges = openJudges(options, { contentDirs: folders, emit, clock: systemClock, onTrouble })
  const sensor = new Sensor({
    emit,
    inspectFile: judges.inspectFile,
    onFailure: (error) => console.error('a dissector failed and left its conversation:', error),
  })
  const parser = new CaptureParser(new Packet(), (packet) => {
    keeper?.packet(packet)
    sensor.packet(packet)
  })
  const capturer = options.interface === undefined ? undefined : await startCapturer(options.interface, options.filter)
  const input = (capturer?.stdout ?? process.stdin) as NodeJS.ReadableStream & AsyncIterable<Buffer>
  let isStopping = false
  const stop = () => {
    isStopping = true
    if (capturer) capturer.kill('SIGTERM')
    else process.stdin.destroy()
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)

  const report = () => {
    // The platform sees by it that the sensor lives, and what it missed.
    sender.add(
      recordLine({
        dataset: 'sensor',
        timeUs: systemClock.now() * 1e3,
        endpoints: noEndpoints,
        fields: {
          'event.kind': 'metric',
          'observer.name': options.source,
          'traffic.sensor.packets': sensor.counters.packets,
          'traffic.sensor.wire_bytes': sensor.counters.wireBytes,
          'traffic.sensor.open_flows': sensor.openFlows,
          'traffic.sensor.evicted_flows': sensor.counters.evictedFlows,
          'traffic.sensor.cut_packets': parser.counters.cut,
          'traffic.sensor.lost_packets': parser.counters.lost,
          'traffic.sensor.lost_records': sender.counters().lost,
        },
      }),
    )
  }
  const startedAtMs = systemClock.now()
  const link = followPlatform({
    ...{ url: options.url, token, source: options.source, clock: systemClock },
    onTrouble: (text) => console.error(text),
    findPackets: (selections, limitBytes) => ring?.find(ringSource, selections, limitBytes),
    report: () => ({
      version: programVersion,
      interface: options.interface ?? null,
      filter: options.filter ?? null,
      startedAt: new Date(startedAtMs).toISOString(),
      packets: sensor.counters.packets,
      wireBytes: sensor.counters.wireBytes,
      lostPackets: parser.counters.lost,
      cutPackets: parser.counters.cut,
      lostRecords: sender.counters().lost,
      openFlows: sensor.openFlows,
      evictedFlows: sensor.counters.evictedFlows,
      failures: sensor.counters.failures,
      ring: ring === undefined ? null : ringReport(ring, Number(options.packetsBytes)),
    }),
  })
  const flushing = setInterval(() => {
    // A quiet wire tells no time; the clock does, so that flows end in time all the same.
    if (capturer) sensor.advance(systemClock.now() * 1e3)
    sender.flush()
    ring?.flush()
  }, flushEveryMs)
  const reporting = setInterval(report, reportEveryMs)
  try {
    for await (const chunk of input) {
      parser.push(chunk)
      if (parser.state !== 'reading') break
    }
  } catch (error) {
    if (!isStopping) throw error
  } finally {
    clearInterval(flushing)
    clearInterval(reporting)
  }
  parser.end()
  sensor.close()
  report()
  keeper?.end()
  await judges.settled()
  await sender.settled()
  await link.stop()
  const { sent, lost } = sender.counters()
  console.error(`${sensor.counters.packets} packets, ${sent} records sent, ${lost} given up`)
  if (parser.state === 'not-a-capture' || parser.state === 'damaged')
    throw new CodedError('IMPORT_DAMAGED', `the capture is ${parser.state}`, { state: parser.state })
}

/** Throws BAD_REQUEST for bounds that are none. */
function openRing({ packetsDir, packetsBytes, packetsDays }: Options): PacketRing | undefined {
  if (packetsDir === undefined) return undefined
  const limitBytes = Number(packetsBytes)
  const days = Number(packetsDays)
  if (!(limitBytes >= 1_048_576) || !(days > 0))
    throw new CodedError('BAD_REQUEST', '--packets-bytes takes a number from 1048576 on, --packets-days one above 0')
  const now = () => systemClock.now()
  return new PacketRing({ directory: packetsDir, limitBytes, maxAgeMs: days * dayMs, now })
}

function ringReport(ring: PacketRing, limitBytes: number) {
  const { bytes, oldestUs } = ring.extent()
  const { evictedPackets, lostPackets } = ring.counters
  const oldestAt = oldestUs === undefined ? null : new Date(Math.floor(oldestUs / 1e3)).toISOString()
  return { bytes, limitBytes, oldestAt, evictedPackets, lostPackets }
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new CodedError('NOT_FOUND', `${file} cannot be read: ${(cause as Error).message}`, { file }, { cause })
  }
}

/** Throws NOT_FOUND when none of the programs is there. */
async function startCapturer(name: string, filter: string | undefined): Promise<ChildProcess> {
  if (!/^[\w.:-]{1,64}$/.test(name))
    throw new CodedError('BAD_REQUEST', `${JSON.stringify(name)} is no name of an interface`)
  for (const [program, parameters] of capturers) {
    const child = spawn(program, parameters(name, filter), { stdio: ['ignore', 'pipe', 'inherit'] })
    const isThere = await new Promise<boolean>((resolve) => {
      child.once('spawn', () => resolve(true))
      child.once('error', () => resolve(false))
    })
    if (isThere) return child
  }
  const names = capturers.map(([program]) => program).join(' or ')
  throw new CodedError('NOT_FOUND', `${names} is needed to capture and was not found`, { names })
}
