import { CodedError } from '../event/errors.ts'
import type { Clock } from '../seams/clock/clock.ts'
import type { Database, Transaction } from '../seams/store/store.ts'
import { type Actor, covers, type Permission } from './actor.ts'
import { appendAuditAll } from './audit/append.ts'
import { isContentionError, translateStoreError } from './store-error.ts'

/** What every verb is given. Read verbs use `database` through `read`; write verbs go through `write`. */
export interface Context {
  database: Database
  clock: Clock
  actor: Actor
  /** Versions the caller's change was thought out on; none given: any. See `requireVersion`. */
  expectedVersions?: readonly number[]
}

export interface AuditedResult<Result> {
  result: Result
  /** What was acted upon, e.g. `incident:42`. */
  target: string
  /** Unit the target belongs to; checked against the actor's scope before commit. */
  unitPath: string
  /** Facts for the audit row: before, after, reason. Never a secret. */
  detail?: Record<string, unknown>
  /** Nothing had to be changed: no audit row. */
  unchanged?: boolean
}

/** `self` is for what people do to their own account: it needs a signed-in person and nothing else. */
export type WritePermission = Permission | 'self'

/** How often a transaction that lost a deadlock is run again. */
const attemptsMax = 3

/**
 * The only way to change state: checks the permission, runs the work in one transaction, checks that the target
 * lies in the actor's units, and appends the hash-chained audit row in the same transaction. The work touches nothing
 * but the transaction: it is run again when it lost a deadlock.
 * Throws FORBIDDEN without the permission, NOT_FOUND when the target lies outside the actor's units, and what
 * `translateStoreError` makes of the store's failures.
 */
export async function write<Result>(
  context: Context,
  verb: { action: string; permission: WritePermission },
  work: (transaction: Transaction) => Promise<AuditedResult<Result>>,
): Promise<Result> {
  const { actor, clock, database } = context
  requireWritePermission(actor, verb.permission)
  for (let attempt = 1; ; attempt++) {
    try {
      return await database.transaction(async (transaction) => {
        const { result, target, unitPath, detail, unchanged } = await work(transaction)
        requireScope(actor, unitPath, target)
        if (!unchanged)
          await appendAuditAll(transaction, clock, [{ actor, action: verb.action, target, unitPath, detail }])
        return result
      })
    } catch (error) {
      if (attempt < attemptsMax && isContentionError(error)) continue
      throw translateStoreError(error)
    }
  }
}

/** The only way to read state: checks the permission and translates the store's failures; scope is in the query (state/scope.ts). */
export async function read<Result>(
  context: Context,
  permission: WritePermission,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  requireWritePermission(context.actor, permission)
  try {
    return await work(context.database)
  } catch (error) {
    throw translateStoreError(error)
  }
}

function requireWritePermission(actor: Actor, permission: WritePermission): void {
  if (permission !== 'self') requirePermission(actor, permission)
  else if (actor.kind !== 'user')
    throw new CodedError('FORBIDDEN', 'Only a signed-in person can do this', { permission })
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
