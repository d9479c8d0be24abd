import { CaptureParser } from './capture/capture.ts'
import { recordLine } from './event.ts'
import { Packet } from './packet/packet.ts'
import { Sensor } from './sensor.ts'

/** A record of a capture as the sensor sends it, and the conversation it is of. */
export interface SampleRecord {
  line: string
  /** Community id; empty for what is of no conversation. */
  conversation: string
}

/** Packets that lie further apart begin a scenario of their own. */
const scenarioGapUs = 2 * 86_400e6

/** What the sensor tells of a capture, scenario by scenario: a pause of more than two days parts two of them. */
export function captureScenarios(bytes: Uint8Array): SampleRecord[][] {
  const scenarios: SampleRecord[][] = []
  let sensor: Sensor | undefined
  let lastUs = 0
  const begin = () => {
    sensor?.close()
    const records: SampleRecord[] = []
    scenarios.push(records)
    sensor = new Sensor({
      emit: (record) =>
        records.push({
          line: recordLine(record),
          conversation: String(record.endpoints.fields['network.community_id'] ?? ''),
        }),
    })
    return sensor
  }
  const parser = new CaptureParser(new Packet(), (packet) => {
    const current = sensor === undefined || packet.timeUs - lastUs > scenarioGapUs ? begin() : sensor
    lastUs = packet.timeUs
    current.packet(packet)
  })
  parser.push(bytes)
  parser.end()
  sensor?.close()
  if (parser.state !== 'complete') throw new RangeError(`the capture is ${parser.state}`)
  return scenarios
}
