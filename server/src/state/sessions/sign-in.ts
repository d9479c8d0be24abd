import { and, asc, eq, getTableColumns, gt, isNull } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { sha256 } from '../../lib/digest.ts'
import { storableText } from '../../lib/storable-text.ts'
import { sessions, units, users } from '../../seams/store/schema/identity.ts'
import type { Transaction } from '../../seams/store/store.ts'
import { type Actor, permissionsByRole } from '../actor.ts'
import { type AuditEntry, appendAuditAll } from '../audit/append.ts'
import { parseInput } from '../input.ts'
import type { MasterKeys } from '../secrets/master-keys.ts'
import { translateStoreError } from '../store-error.ts'
import { rootUnitPath } from '../units/unit.ts'
import { verifyPassword } from '../users/password.ts'
import { normalUserName } from '../users/user.ts'
import { type Context, write } from '../write.ts'
import { clearSignInLimit, confirmFailure, releaseAttempt, reserveAttempt } from './limits.ts'
import { takeSecondFactor } from './second-factor.ts'
import { csrfTokenOf, lifetimeMs, newSessionToken } from './session-token.ts'

const signInInput = z.strictObject({
  name: z.string().min(1).max(200),
  password: z.string().min(1).max(512),
  /** Six digits, or a recovery code; for those who enrolled a second factor. */
  code: z.string().max(64).optional(),
})

export interface SignedInSession {
  sessionId: string
  /** For the cookie; told here once. */
  token: string
  csrfToken: string
  expiresAt: Date
  userId: number
  mustChangePassword: boolean
}

/** Most live sessions of one person; beyond it the oldest ends. */
const sessionsMax = 20

type Found = Awaited<ReturnType<typeof findUser>>
type KnownUser = NonNullable<Found>

/**
 * Signs a person in. Throws SIGN_IN_FAILED, after the same time and with the same words, for a wrong name, a wrong
 * password, a wrong, missing or used code, a disabled account and a lapsed one-time password; the audit knows which. Throws
 * TOTP_REQUIRED when the password is right and the code is missing; SIGN_IN_LOCKED after five failures of an account or
 * twenty of an address within 15 minutes; RATE_LIMITED when too many are signing in.
 */
export async function signIn(
  context: Pick<Context, 'database' | 'clock'> & { keys: MasterKeys },
  input: z.input<typeof signInInput>,
  from: { address: string; userAgent: string },
): Promise<SignedInSession> {
  const { password, code, ...rest } = parseInput(signInInput, input)
  const { database, clock, keys } = context
  const name = storableText(normalUserName(rest.name))
  try {
    await reserveAttempt(database, clock, name, from.address)
    let reason: FailureReason | 'code_missing' | undefined
    let user: Found
    try {
      user = await findUser(context, name)
      const matches = await verifyPassword(user?.passwordHash, password)
      reason = await whyRefused(context, user, matches)
      if (reason === undefined && user?.totpEnabled) {
        if (code === undefined) reason = 'code_missing'
        else if (!(await takeSecondFactor(database, keys, clock, user.id, code))) reason = 'code'
      }
    } catch (error) {
      // Our own trouble, not a failure of theirs.
      await releaseAttempt(database, name, from.address)
      throw error
    }
    if (reason === 'code_missing') {
      await releaseAttempt(database, name, from.address)
      throw new CodedError('TOTP_REQUIRED', 'A code of the second factor is needed')
    }
    const opened = reason === undefined && user ? await openSession(context, user, name, from) : undefined
    if (opened) return opened
    await recordFailure(context, user, name, from.address, reason ?? 'changed')
    throw new CodedError('SIGN_IN_FAILED', 'Name, password or code is wrong')
  } catch (error) {
    throw translateStoreError(error)
  }
}

async function findUser({ database }: Pick<Context, 'database'>, name: string) {
  const [user] = await database
    .select({ ...getTableColumns(users), unitPath: units.path })
    .from(users)
    .innerJoin(units, eq(units.id, users.unitId))
    .where(eq(users.name, name))
  return user
}

type FailureReason = 'unknown' | 'password' | 'disabled' | 'lapsed' | 'code' | 'changed'

async function whyRefused(
  { clock }: Pick<Context, 'clock'>,
  user: Found,
  matches: boolean,
): Promise<FailureReason | undefined> {
  if (!user) return 'unknown'
  if (!matches) return 'password'
  if (user.disabled) return 'disabled'
  const until = user.oneTimePasswordUntil
  return user.mustChangePassword && until !== null && until.getTime() <= clock.now() ? 'lapsed' : undefined
}

/** Undefined when the account was changed while the password was being checked. */
async function openSession(
  { database, clock }: Pick<Context, 'database' | 'clock'>,
  user: KnownUser,
  name: string,
  { address, userAgent }: { address: string; userAgent: string },
): Promise<SignedInSession | undefined> {
  const { unitPath } = user
  const id = clock.id()
  const token = newSessionToken(clock)
  const actor: Actor = { ...actorOf(user), unitPath, permissions: new Set(permissionsByRole[user.role]), address }
  const verb = { action: 'session.sign-in', permission: 'self' } as const
  return write({ database, clock, actor }, verb, async (transaction) => {
    const unchanged = and(eq(users.id, user.id), eq(users.passwordHash, user.passwordHash), eq(users.disabled, false))
    const now = new Date(clock.now())
    const still = await transaction
      .update(users)
      .set({ lastSignInAt: now })
      .where(unchanged)
      .returning({ id: users.id })
    if (still.length === 0) return { result: undefined, target: `session:${id}`, unitPath, unchanged: true }
    await endOldest(transaction, user.id, now)
    const expiresAt = new Date(now.getTime() + lifetimeMs)
    const times = { createdAt: now, lastSeenAt: now, expiresAt }
    const row = {
      id,
      tokenHash: sha256(token),
      userId: user.id,
      ...times,
      address,
      userAgent: storableText(userAgent, 300),
    }
    await transaction.insert(sessions).values(row)
    await clearSignInLimit(transaction, name)
    await releaseAttempt(transaction, name, address)
    const { mustChangePassword } = user
    const result = {
      sessionId: id,
      token,
      csrfToken: csrfTokenOf(token),
      expiresAt,
      userId: user.id,
      mustChangePassword,
    }
    return { result, target: `session:${id}`, unitPath, detail: { secondFactor: user.totpEnabled } }
  })
}

async function endOldest(transaction: Transaction, userId: number, now: Date): Promise<void> {
  const live = await transaction
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(eq(sessions.userId, userId), isNull(sessions.endedAt), gt(sessions.expiresAt, now)))
    .orderBy(asc(sessions.createdAt))
  for (const { id } of live.slice(0, Math.max(0, live.length - sessionsMax + 1))) {
    await transaction.update(sessions).set({ endedAt: now, endReason: 'too_many' }).where(eq(sessions.id, id))
  }
}

async function recordFailure(
  { database, clock }: Pick<Context, 'database' | 'clock'>,
  user: Found,
  name: string,
  address: string,
  reason: FailureReason,
): Promise<void> {
  // A password typed into the name's field must not end in the audit: of a name nobody has we keep the beginning.
  const shown = user ? name : `${[...name].slice(0, 2).join('')}…`
  const actor: AuditEntry['actor'] = user
    ? { ...actorOf(user), address }
    : { kind: 'user', id: '', name: shown, address }
  const unitPath = user?.unitPath ?? rootUnitPath
  const target = user ? `user:${user.id}` : 'user:unknown'
  await database.transaction(async (transaction) => {
    const locks = await confirmFailure(transaction, clock, name, address)
    const entries: AuditEntry[] = [{ actor, action: 'session.sign-in-failed', target, unitPath, detail: { reason } }]
    for (const lock of locks) {
      const what = lock.key.startsWith('account:') ? `account:${shown}` : lock.key
      const detail = { failures: lock.failures, lockedUntil: lock.lockedUntil }
      entries.push({ actor, action: 'session.lock', target: what, unitPath, detail })
    }
    await appendAuditAll(transaction, clock, entries)
  })
}

function actorOf(user: KnownUser): Pick<Actor, 'kind' | 'id' | 'name'> {
  return { kind: 'user', id: String(user.id), name: user.name }
}
