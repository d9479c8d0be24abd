import { CodedError } from '../event/errors.ts'
import type { Clock } from '../seams/clock/clock.ts'
import type { Database, Transaction } from '../seams/store/store.ts'
import { type Actor, covers, type Permission } from './actor.ts'
import { appendAudit } from './audit/append.ts'

/** What every verb is given. Read verbs use `database`; write verbs go through `write`. */
export interface Context {
  database: Database
  clock: Clock
  actor: Actor
}

export interface AuditedResult<Result> {
  result: Result
  /** What was acted upon, e.g. `incident:42`. */
  target: string
  /** Unit the target belongs to; checked against the actor's scope before commit. */
  unitPath: string
  /** Facts for the audit row: before, after, reason. Never a secret. */
  detail?: Record<string, unknown>
}

/**
 * The only way to change state: checks the permission, runs the work in one transaction, checks that the target
 * lies in the actor's units, and appends the hash-chained audit row in the same transaction.
 * Throws FORBIDDEN without the permission, NOT_FOUND when the target lies outside the actor's units.
 */
export async function write<Result>(
  context: Context,
  verb: { action: string; permission: Permission },
  work: (transaction: Transaction) => Promise<AuditedResult<Result>>,
): Promise<Result> {
  requirePermission(context.actor, verb.permission)
  return context.database.transaction(async (transaction) => {
    const { result, target, unitPath, detail } = await work(transaction)
    requireScope(context.actor, unitPath, target)
    await appendAudit(transaction, context.clock, { actor: context.actor, action: verb.action, target, unitPath, detail })
    return result
  })
}

export function requirePermission(actor: Actor, permission: Permission): void {
  if (!actor.permissions.has(permission)) {
    throw new CodedError('FORBIDDEN', `${actor.name} lacks the permission ${permission}`, { permission })
  }
}

/** Outside the actor's units a thing does not exist: NOT_FOUND, never FORBIDDEN, so that existence is not told. */
export function requireScope(actor: Actor, unitPath: string, target: string): void {
  if (!covers(actor, unitPath)) throw new CodedError('NOT_FOUND', `${target} was not found`, { target })
}
