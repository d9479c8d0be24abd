import { desc, eq, type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import { CodedError } from '../event/errors.ts'
import { auditRows } from '../seams/store/schema/audit.ts'
import type { Transaction } from '../seams/store/store.ts'
import type { Context } from './write.ts'

/** The version after a change, to be set with it. */
export function nextVersion(column: SQLWrapper): SQL<number> {
  return sql<number>`${column} + 1`
}

/**
 * Refuses a change that was thought out on a state that is gone. `version` is that of the row, locked by the caller;
 * a caller that expects none may change whatever is there. Throws CHANGED_MEANWHILE.
 */
export async function requireVersion(
  transaction: Transaction,
  { expectedVersions }: Pick<Context, 'expectedVersions'>,
  target: string,
  version: number,
): Promise<void> {
  if (expectedVersions === undefined || expectedVersions.includes(version)) return
  throw await changedMeanwhile(transaction, target, version)
}

/**
 * CHANGED_MEANWHILE, with who changed the target last, when and by what verb, as the audit has it. Of the change only
 * the names of what it set: the reader loads the values, under the reader's own permissions.
 */
export async function changedMeanwhile(transaction: Transaction, target: string, version: number): Promise<CodedError> {
  const [last] = await transaction
    .select({ by: auditRows.actorName, at: auditRows.time, action: auditRows.action, detail: auditRows.detail })
    .from(auditRows)
    .where(eq(auditRows.target, target))
    .orderBy(desc(auditRows.sequence))
    .limit(1)
  const who = last ? ` by ${last.by} at ${last.at.toISOString()} (${last.action})` : ''
  return new CodedError('CHANGED_MEANWHILE', `${target} was changed${who}; it has version ${version} now`, {
    target,
    version,
    ...(last && {
      changedBy: last.by,
      changedAt: last.at.toISOString(),
      action: last.action,
      fields: fieldsOf(last.detail.after),
    }),
  })
}

function fieldsOf(after: unknown): string[] {
  return typeof after === 'object' && after !== null ? Object.keys(after).slice(0, 20) : []
}
