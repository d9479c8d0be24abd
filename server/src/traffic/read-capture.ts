import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { CodedError } from '../event/errors.ts'
import { type CaptureCounters, CaptureParser, type CaptureState } from './capture/capture.ts'
import type { Inspect } from './inspect.ts'
import { Packet } from './packet/packet.ts'
import type { TrafficRecord } from './record.ts'
import { Sensor, type SensorCounters } from './sensor.ts'
import type { InspectFile } from './stream/files.ts'

const chunkBytes = 1_048_576

export interface CaptureReport {
  state: CaptureState
  capture: CaptureCounters
  sensor: SensorCounters
}

/**
 * The records of a capture, from its bytes. Timeouts follow the capture's own clock. A capture that is damaged or cut
 * off gives what it holds; `report` tells how it ended.
 */
export async function* captureRecords(
  source: AsyncIterable<Uint8Array>,
  report: (report: CaptureReport) => void,
  onFailure?: (error: unknown) => void,
  inspectFile?: InspectFile,
  inspect?: Inspect,
): AsyncGenerator<TrafficRecord> {
  let records: TrafficRecord[] = []
  const sensor = new Sensor({
    emit: (record) => records.push(record),
    inspectFile,
    ...(onFailure === undefined ? {} : { onFailure }),
    inspect,
  })
  const parser = new CaptureParser(new Packet(), (packet) => sensor.packet(packet))
  for await (const chunk of source) {
    parser.push(chunk)
    yield* records
    records = []
    if (parser.state !== 'reading') break
  }
  parser.end()
  sensor.close()
  yield* records
  report({ state: parser.state, capture: parser.counters, sensor: sensor.counters })
}

/** The bytes of a capture file, unpacked when they are gzip. Throws NOT_FOUND and IMPORT_DAMAGED. */
export async function* captureBytes(path: string): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path, { highWaterMark: chunkBytes })
  try {
    let isFirst = true
    for await (const chunk of file as AsyncIterable<Buffer>) {
      if (isFirst && chunk[0] === 0x1f && chunk[1] === 0x8b) {
        file.destroy()
        const packed = createReadStream(path)
        const unpacked = createGunzip({ chunkSize: chunkBytes })
        packed.once('error', (error) => unpacked.destroy(error))
        yield* packed.pipe(unpacked) as AsyncIterable<Uint8Array>
        return
      }
      isFirst = false
      yield chunk
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'EACCES')
      throw new CodedError('NOT_FOUND', `${path} cannot be read: ${message}`, { file: path }, { cause })
    throw new CodedError('IMPORT_DAMAGED', `${path} cannot be unpacked: ${message}`, { file: path }, { cause })
  }
}
