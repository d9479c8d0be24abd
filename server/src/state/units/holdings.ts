import { sql } from 'drizzle-orm'
import type { Transaction } from '../../seams/store/store.ts'
import { withinUnit } from '../scope.ts'

/** The audit keeps the path a thing had when it happened: its rows are bound by their hashes. */
const keepsPaths = new Set(['audit_rows'])

/**
 * Names of the tables whose rows belong to a unit by a column `unit_path`. Read from the catalogue, so that a table added
 * later cannot be forgotten when a unit moves.
 */
export async function tablesWithUnitPath(transaction: Transaction): Promise<string[]> {
  const { rows } = await transaction.execute<{ table_name: string }>(sql`
    SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = current_schema() AND c.column_name = 'unit_path' AND t.table_type = 'BASE TABLE'
    ORDER BY c.table_name`)
  return rows.map((row) => row.table_name).filter((name) => !keepsPaths.has(name))
}

/** Names of the tables that hold at least one row of the unit or a unit below it. */
export async function tablesHoldingRowsOf(transaction: Transaction, unitPath: string): Promise<string[]> {
  const holding: string[] = []
  for (const name of await tablesWithUnitPath(transaction)) {
    const within = withinUnit(sql.identifier('unit_path'), unitPath)
    const { rows } = await transaction.execute(sql`SELECT 1 FROM ${sql.identifier(name)} WHERE ${within} LIMIT 1`)
    if (rows.length > 0) holding.push(name)
  }
  return holding
}
