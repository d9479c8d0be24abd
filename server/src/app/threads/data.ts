import type { Config } from '../../config/config.ts'
import type { EventsAccess } from '../../seams/events/open.ts'

/** What every worker thread is given at its start. */
export interface ThreadData {
  config: Config
  /** Connection URL of the state store, with its password. */
  storeUrl: string
  eventsAccess: EventsAccess
  /** The shipped table of autonomous systems, in memory of all threads; absent when it could not be read. */
  autonomousSystems: SharedArrayBuffer | undefined
  /** Under which canaries are proven, hexadecimal; new at every start of the program. */
  canaryKey: string
  /** Origin on loopback that webhooks may reach although private destinations are refused. */
  demoReceiver?: string
  /** Index among the threads of the same kind. */
  index: number
}

/** Partitions of `raw`: 0 is written by the main thread (HTTP), the others by the collect thread (syslog). */
export function collectPartitions(config: Pick<Config, 'processThreads'>): number[] {
  return Array.from({ length: config.processThreads }, (_, index) => index + 1)
}

/** Partition of the history thread on every topic it writes; beyond those of collect (at most 64) and main. */
export const historyPartition = 1_000

/** Consumer group of the process threads on `raw`. */
export const processGroup = 'process'
