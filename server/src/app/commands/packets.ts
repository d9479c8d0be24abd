import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { CodedError } from '../../event/errors.ts'
import { endpointsOfFields, parseEndpoints } from '../../traffic/packets/endpoints.ts'
import { filterPackets } from '../../traffic/packets/filter-packets.ts'
import type { PacketSelection } from '../../traffic/packets/read-packets.ts'
import { fileHeaderBytes } from '../../traffic/packets/segment.ts'
import { captureBytes, captureRecords } from '../../traffic/read-capture.ts'

interface Options {
  flow: string[]
  from?: string
  to?: string
  write: string
}

/** `watchfire packets`: the packets of a conversation out of captures, offline. */
export function packetsCommand(program: Command): void {
  program
    .command('packets')
    .argument('<file...>', 'captures: pcap or pcapng, gzip or not')
    .description('writes the packets of a conversation in captures to a pcap file of their own')
    .requiredOption(
      '--flow <name...>',
      'community id of the conversation (network.community_id), or its ends: "tcp 192.0.2.1:40000 198.51.100.1:80"',
    )
    .option('--from <time>', 'not before this time (ISO 8601)')
    .option('--to <time>', 'not after this time (ISO 8601)')
    .requiredOption('--write <file>', 'pcap file to write')
    .action(run)
}

async function run(files: string[], options: Options): Promise<void> {
  const range = { ...timeOf('--from', options.from, 'fromUs'), ...timeOf('--to', options.to, 'toUs') }
  const selections = await selectionsOf(files, options.flow, range)
  let packets = 0
  async function* found() {
    for (const [index, file] of files.entries()) {
      let isFirst = true
      const pieces = filterPackets(captureBytes(file), selections, (report) => {
        packets += report.packets
        if (!report.isCapture) console.error(`${file}: no pcap or pcapng capture`)
        if (report.otherLink > 0) console.error(`${file}: ${report.otherLink} packets of another link type left out`)
      })
      for await (const piece of pieces) {
        // One file has one header: that of the first capture with a packet.
        yield isFirst && index > 0 && packets > 0 ? piece.subarray(fileHeaderBytes) : piece
        isFirst = false
      }
    }
  }
  try {
    await pipeline(Readable.from(found()), createWriteStream(options.write))
  } catch (cause) {
    if (cause instanceof CodedError) throw cause
    const message = `${options.write} cannot be written: ${(cause as Error).message}`
    throw new CodedError('OUTPUT_UNWRITABLE', message, { file: options.write }, { cause })
  }
  if (packets === 0)
    throw new CodedError('NOT_FOUND', 'No packet of the conversation is in the captures', { flow: options.flow })
  console.error(`${options.write}: ${packets} packets`)
}

/** Throws BAD_REQUEST for what names no conversation, NOT_FOUND for a community id that no flow has. */
async function selectionsOf(
  files: readonly string[],
  names: readonly string[],
  range: { fromUs?: number; toUs?: number },
): Promise<PacketSelection[]> {
  const ids = names.filter((name) => /^1:[A-Za-z0-9+/]{27}=$/.test(name))
  const selections: PacketSelection[] = []
  for (const name of names.filter((other) => !ids.includes(other))) {
    const endpoints = parseEndpoints(name)
    if (!endpoints) throw new CodedError('BAD_REQUEST', `${JSON.stringify(name)} names no conversation`, { flow: name })
    selections.push({ endpoints, ...range })
  }
  if (ids.length === 0) return selections
  const missing = new Set(ids)
  for (const file of files)
    for await (const { dataset, endpoints } of captureRecords(captureBytes(file), () => undefined)) {
      const id = String(endpoints.fields['network.community_id'])
      if (dataset !== 'flow' || !missing.delete(id)) continue
      const ends = endpointsOfFields(endpoints.fields)
      if (ends) selections.push({ endpoints: ends, ...range })
    }
  if (missing.size > 0)
    throw new CodedError('NOT_FOUND', `No flow of the captures has the community id ${[...missing].join(', ')}`)
  return selections
}

function timeOf(option: string, text: string | undefined, name: 'fromUs' | 'toUs') {
  if (text === undefined) return {}
  const timeMs = Date.parse(text)
  if (Number.isNaN(timeMs)) throw new CodedError('BAD_REQUEST', `${option}: ${JSON.stringify(text)} is no time`)
  return { [name]: timeMs * 1e3 }
}
