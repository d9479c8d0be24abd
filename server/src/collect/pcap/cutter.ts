import { CaptureParser } from '../../traffic/capture/capture.ts'
import { recordLine } from '../../traffic/event.ts'
import { Packet } from '../../traffic/packet/packet.ts'
import { Sensor } from '../../traffic/sensor.ts'
import type { InspectFile } from '../../traffic/stream/files.ts'

/** Takes captured packets before they are decoded, to keep them. */
export interface PacketKeeper {
  packet(packet: Packet): void
  /** All packets of the capture have been given. */
  end(): void
  /** The capture could not be read to its end; it may come again. */
  abandon(): void
}

/** What is done with a capture beside reading it. */
export interface CaptureSurroundings {
  /** Given the packets. */
  packets?: Pick<PacketKeeper, 'packet'> | undefined
  /** Looks into the files that travel. */
  inspectFile?: InspectFile | undefined
}

/**
 * Cuts a packet capture into records of what its conversations say: one line of ECS JSON for each flow, query, request,
 * hello, file, ... A record's place is its number, which never passes the bytes of the capture: a packet takes more
 * bytes than the records it leads to.
 */
export class CaptureCutter {
  private readonly sensor: Sensor
  private readonly parser: CaptureParser
  private failures = 0

  constructor(add: (record: Buffer, end: number) => void, { packets, inspectFile }: CaptureSurroundings = {}) {
    let number = 0
    this.sensor = new Sensor({
      inspectFile,
      emit: (record) => add(Buffer.from(recordLine(record)), ++number),
      onFailure: () => this.failures++,
    })
    this.parser = new CaptureParser(new Packet(), (packet) => {
      packets?.packet(packet)
      this.sensor.packet(packet)
    })
  }

  push(bytes: Buffer): void {
    this.parser.push(bytes)
  }

  /** A capture that was cut off or damaged holds what lies before; `warning` tells. */
  end(): boolean {
    this.parser.end()
    this.sensor.close()
    return true
  }

  warning(): string | undefined {
    const { state, counters } = this.parser
    const words = [
      state === 'damaged' ? `damaged after ${counters.packets} packets` : '',
      state === 'truncated' ? `ends within a packet, after ${counters.packets} whole ones` : '',
      counters.damaged > 0 ? `${counters.damaged} damaged blocks were skipped` : '',
      counters.cut > 0 ? `${counters.cut} packets were cut by the snap length of the capture` : '',
      counters.lost > 0 ? `the capturer lost ${counters.lost} packets` : '',
      this.failures > 0 ? `${this.failures} conversations could not be read to their end` : '',
    ].filter((text) => text !== '')
    return words.length > 0 ? words.join('; ') : undefined
  }
}
