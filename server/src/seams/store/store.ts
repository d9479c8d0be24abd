import type { NodePgDatabase } from 'drizzle-orm/node-postgres'

/** State lives in PostgreSQL, embedded or external alike; drizzle over one `pg` pool, no wrapper. */
export type Database = NodePgDatabase
export type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0]

export interface Store {
  database: Database
  /** Ends the pool, and the child when the store is embedded. */
  close(): Promise<void>
}
