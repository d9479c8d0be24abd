import type { Fields } from '../event/event.ts'

/** What the sensor tells: one line of `watchfire traffic`, one event of the platform. */
export interface TrafficRecord {
  /** `flow`, `dns`, `http`, `tls`, `file`, `weird`, ...: the event.dataset. */
  dataset: string
  /** Microseconds since the epoch. */
  timeUs: number
  /** Who spoke with whom; shared by all records of a conversation. */
  endpoints: Endpoints
  /** What this record tells beyond it, as ECS fields; none of them is in `endpoints`. */
  fields: Fields
}

export type Emit = (record: TrafficRecord) => void

/** 0 is whoever began the conversation, 1 whoever was spoken to. */
export type Side = 0 | 1

/** Addresses, ports, transport and community id of a conversation, and their JSON text, made once. */
export class Endpoints {
  readonly fields: Fields
  private text: string | undefined

  constructor(fields: Fields) {
    this.fields = fields
  }

  /** `"source.ip":"...",...,` with a comma at the end, to stand within an object; empty when there are none. */
  get json(): string {
    if (this.text === undefined) {
      const object = JSON.stringify(this.fields)
      this.text = object === '{}' ? '' : `${object.slice(1, -1)},`
    }
    return this.text
  }
}

export const noEndpoints = new Endpoints({})

let second = -1
let secondText = ''

/** ISO 8601 in UTC with milliseconds. */
export function isoTime(timeUs: number): string {
  const wanted = Math.floor(timeUs / 1e6)
  if (wanted !== second) {
    // Records come in the order of time, many to a second.
    secondText = new Date(wanted * 1e3).toISOString().slice(0, 20)
    second = wanted
  }
  const milliseconds = Math.floor((timeUs - wanted * 1e6) / 1e3)
  return `${secondText}${milliseconds < 10 ? '00' : milliseconds < 100 ? '0' : ''}${milliseconds}Z`
}
