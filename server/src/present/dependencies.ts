import type { ClickHouseClient } from '@clickhouse/client'
import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '../config/config.ts'
import type { Change } from '../event/change.ts'
import type { Broadcast, Bus } from '../seams/bus/bus.ts'
import type { Clock } from '../seams/clock/clock.ts'
import type { Database } from '../seams/store/store.ts'
import type { HealthProbe } from '../state/health/probe.ts'
import type { MasterKeys } from '../state/secrets/master-keys.ts'

/** What the HTTP server is given by the program's wiring. */
export interface Dependencies {
  config: Config
  version: string
  clock: Clock
  logger: FastifyBaseLogger
  database: Database
  /** Opens and seals what is kept secret in the state store. */
  keys: MasterKeys
  /** The event store as its reader: sees the rows of the units that a query names, and nothing without. */
  events: ClickHouseClient
  /** Takes records in; the answer to a sender waits for it. */
  bus: Pick<Bus, 'publish'>
  changes: Broadcast<Change>
  /** Under which the platform's own canaries are proven, hexadecimal; without it there are none. */
  canaryKey?: string
  health: HealthProbe
  /** Prometheus text of the whole program. */
  metrics(): Promise<string>
  /** Folder of the built web client; without it the server is an API only. */
  webFolder?: string
}
