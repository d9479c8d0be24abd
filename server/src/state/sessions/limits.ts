import { and, eq, gte, isNull, lt, sql } from 'drizzle-orm'
import { CodedError } from '../../event/errors.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import { signInLimits } from '../../seams/store/schema/identity.ts'
import type { Database, Transaction } from '../../seams/store/store.ts'

/** Failures within this time count together. */
const windowMs = 15 * 60_000
/** How long a lock lasts. */
const lockMs = 15 * 60_000
/** Failures that lock an account. */
const accountFailuresMax = 5
/** Failures, over all accounts, that lock an address. More than for an account, since a whole office may share one. */
const addressFailuresMax = 20

interface Counted {
  key: string
  failuresMax: number
}

const accountKey = (name: string) => `account:${name}`
const addressKey = (address: string) => `address:${address}`

/** What one attempt is counted under: the address first, so that a locked address makes no rows for accounts. */
function countedKeys(name: string, address: string): Counted[] {
  return [
    { key: addressKey(address), failuresMax: addressFailuresMax },
    { key: accountKey(name), failuresMax: accountFailuresMax },
  ]
}

/**
 * Counts an attempt as failed before it is tried, so that a hundred at once are no more than five; `releaseAttempt`
 * takes it back. Throws SIGN_IN_LOCKED with `detail.retryAfterMs`, alike for names that exist and names that do not.
 */
export async function reserveAttempt(database: Database, clock: Clock, name: string, address: string): Promise<void> {
  const reserved: Counted[] = []
  for (const counted of countedKeys(name, address)) {
    const retryAfterMs = await reserve(database, clock, counted)
    if (retryAfterMs === undefined) {
      reserved.push(counted)
      continue
    }
    await release(database, reserved)
    throw new CodedError('SIGN_IN_LOCKED', 'Too many failed attempts; signing in rests for a while', { retryAfterMs })
  }
}

/** Undefined when the attempt may be tried, else how long to wait. */
async function reserve(database: Database, clock: Clock, { key, failuresMax }: Counted): Promise<number | undefined> {
  const nowMs = clock.now()
  const now = sql`${new Date(nowMs).toISOString()}::timestamptz`
  const staleBefore = sql`${new Date(nowMs - windowMs).toISOString()}::timestamptz`
  const { lockedUntil, failures, refused, windowStartedAt } = signInLimits
  const locked = sql`coalesce(${lockedUntil} > ${now}, false)`
  const stale = sql`(coalesce(${lockedUntil} <= ${now}, false) OR ${windowStartedAt} <= ${staleBefore})`
  const full = sql`(${locked} OR (NOT ${stale} AND ${failures} >= ${failuresMax}))`
  // unaudited: a count of attempts, of which failures and locks are audited by whoever tries.
  const [row] = await database
    .insert(signInLimits)
    .values({ key, failures: 1, admitted: true, windowStartedAt: new Date(nowMs) })
    .onConflictDoUpdate({
      target: signInLimits.key,
      set: {
        failures: sql`CASE WHEN ${full} THEN ${failures} WHEN ${stale} THEN 1 ELSE ${failures} + 1 END`,
        windowStartedAt: sql`CASE WHEN NOT ${full} AND ${stale} THEN ${now} ELSE ${windowStartedAt} END`,
        lockedUntil: sql`CASE WHEN ${locked} THEN ${lockedUntil} END`,
        refused: sql`CASE WHEN ${full} THEN ${refused} + 1 WHEN ${stale} THEN 0 ELSE ${refused} END`,
        admitted: sql`NOT ${full}`,
      },
    })
    .returning({ lockedUntil, admitted: signInLimits.admitted })
  if (row?.admitted) return undefined
  // Refused without a lock: as many attempts as may fail are under way at this moment.
  return row?.lockedUntil ? Math.max(1_000, row.lockedUntil.getTime() - nowMs) : 1_000
}

/** The attempt did not fail: it no longer counts. */
export async function releaseAttempt(database: Database | Transaction, name: string, address: string): Promise<void> {
  await release(database, countedKeys(name, address))
}

async function release(database: Database | Transaction, counted: Counted[]): Promise<void> {
  for (const { key } of counted) {
    const failures = sql`greatest(${signInLimits.failures} - 1, 0)`
    // unaudited: takes back what `reserve` counted.
    await database.update(signInLimits).set({ failures }).where(eq(signInLimits.key, key))
  }
}

/** A lock that a failure brought about, for the audit. */
export interface Lock {
  key: string
  failures: number
  lockedUntil: Date
}

/** The reserved attempt has failed: locks what reached its bound. Answers the new locks. */
export async function confirmFailure(
  transaction: Transaction,
  clock: Clock,
  name: string,
  address: string,
): Promise<Lock[]> {
  const locks: Lock[] = []
  for (const { key, failuresMax } of countedKeys(name, address)) {
    const lockedUntil = new Date(clock.now() + lockMs)
    const [row] = await transaction
      .update(signInLimits)
      .set({ lockedUntil })
      .where(and(eq(signInLimits.key, key), gte(signInLimits.failures, failuresMax), isNull(signInLimits.lockedUntil)))
      .returning({ failures: signInLimits.failures })
    if (row) locks.push({ key, failures: row.failures, lockedUntil })
  }
  return locks
}

/** Forgets the failures of an account, and its lock. */
export async function clearSignInLimit(transaction: Transaction, name: string): Promise<void> {
  await transaction.delete(signInLimits).where(eq(signInLimits.key, accountKey(name)))
}

/** Drops counts that no longer matter. */
export async function dropStaleLimits(database: Database, clock: Clock): Promise<void> {
  // unaudited: housekeeping; the locks themselves are in the audit.
  await database.delete(signInLimits).where(lt(signInLimits.windowStartedAt, new Date(clock.now() - windowMs - lockMs)))
}
