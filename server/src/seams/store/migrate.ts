import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { CodedError } from '../../event/errors.ts'

const migrationsFolder = fileURLToPath(new URL('./migrations', import.meta.url))
/** Any number that nobody else locks with; programs that start together migrate one after the other. */
const migrationLock = 7_346_112

/**
 * Brings the schema up to this version. Rejects with DATA_OF_ANOTHER_VERSION when the database was made by a version whose
 * migrations differ from ours (a newer one, or one that was never released).
 */
export async function migrateStore(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [migrationLock])
    const database = drizzle(client)
    const known = new Set(readMigrationFiles({ migrationsFolder }).map((migration) => migration.hash))
    for (const applied of await appliedHashes(client)) {
      if (!known.has(applied)) {
        throw new CodedError(
          'DATA_OF_ANOTHER_VERSION',
          'The state store was made by another version of Watchfire, which this one does not know how to go on from',
          { migration: applied },
        )
      }
    }
    await migrate(database, { migrationsFolder })
    await database.execute(sql`select pg_advisory_unlock(${migrationLock})`)
  } finally {
    await client.end()
  }
}

async function appliedHashes(client: pg.Client): Promise<string[]> {
  const exists = await client.query("select to_regclass('drizzle.__drizzle_migrations') as name")
  if (exists.rows[0]?.name === null) return []
  const applied = await client.query<{ hash: string }>('select hash from drizzle.__drizzle_migrations')
  return applied.rows.map((row) => row.hash)
}
