import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { ChildState } from '../child/supervise.ts'

/** State lives in PostgreSQL, embedded or external alike; drizzle over one `pg` pool, no wrapper. */
export type Database = NodePgDatabase
export type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0]

export interface Store {
  database: Database
  /** Connection URL with its password, for `connectStore` in other threads; never to be logged. */
  url: string
  /** Whether the server answers, as last seen. */
  state(): ChildState
  /** Process of an embedded server; undefined while it is down, and for an external one. */
  pid(): number | undefined
  /** Version of PostgreSQL as of the opening. */
  version: string
  /** Calls `listener` at every change of state; returns the function that stops listening. */
  onState(listener: (state: ChildState) => void): () => void
  /** Ends the pool, and the child when the store is embedded. */
  close(): Promise<void>
}
