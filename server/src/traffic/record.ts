import type { Fields } from '../event/event.ts'

/** What the sensor tells: one line of `watchfire traffic`, one event of the platform. */
export interface TrafficRecord {
  /** `flow`, `dns`, `http`, `tls`, `file`, `weird`, ...: the event.dataset. */
  dataset: string
  /** Microseconds since the epoch. */
  timeUs: number
  /** ECS fields, without `event.dataset` and the time. */
  fields: Fields
}

export type Emit = (record: TrafficRecord) => void

/** 0 is whoever began the conversation, 1 whoever was spoken to. */
export type Side = 0 | 1
