import { and, eq, isNull, lt } from 'drizzle-orm'
import { Secret, TOTP } from 'otpauth'
import { sha256 } from '../../lib/digest.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import { recoveryCodes, users } from '../../seams/store/schema/identity.ts'
import type { Database, Transaction } from '../../seams/store/store.ts'
import type { MasterKeys } from '../secrets/master-keys.ts'
import { loadSecret } from '../secrets/secret.ts'

/** RFC 6238 as every authenticator app has it: SHA-1, six digits, 30 s. */
export const totpSettings = { issuer: 'Watchfire', algorithm: 'SHA1', digits: 6, period: 30 } as const

/** Name of the secret that holds a person's TOTP seed. */
export const totpSecretName = (userId: number) => `totp:${userId}`

/** The 30 s step whose code this is, at most one step off; undefined when it is none. */
export function totpStep(seed: Buffer, code: string, nowMs: number): number | undefined {
  const totp = new TOTP({ ...totpSettings, secret: new Secret({ buffer: new Uint8Array(seed).buffer }) })
  const delta = /^\d{6}$/.test(code) ? totp.validate({ token: code, timestamp: nowMs, window: 1 }) : null
  return delta === null ? undefined : Math.floor(nowMs / 30_000) + delta
}

/** How a code was spelled does not matter: spaces, hyphens and capitals are not part of it. */
export function normalCode(code: string): string {
  return code.replace(/[\s-]/g, '').toLowerCase()
}

/** Takes the code, so that it is never accepted again: a TOTP code, or a recovery code. False when it is neither or was used. */
export async function takeSecondFactor(
  database: Database | Transaction,
  keys: MasterKeys,
  clock: Clock,
  userId: number,
  code: string,
): Promise<'totp' | 'recovery' | undefined> {
  const plain = normalCode(code)
  const step = totpStep(await loadSecret(database, keys, totpSecretName(userId)), plain, clock.now())
  if (step !== undefined) {
    // unaudited: whoever signs in audits the outcome.
    const taken = await database
      .update(users)
      .set({ totpLastStep: step })
      .where(and(eq(users.id, userId), lt(users.totpLastStep, step)))
      .returning({ id: users.id })
    return taken.length > 0 ? 'totp' : undefined
  }
  // unaudited: whoever signs in audits the outcome.
  const used = await database
    .update(recoveryCodes)
    .set({ usedAt: new Date(clock.now()) })
    .where(and(eq(recoveryCodes.userId, userId), eq(recoveryCodes.hash, sha256(plain)), isNull(recoveryCodes.usedAt)))
    .returning({ id: recoveryCodes.id })
  return used.length > 0 ? 'recovery' : undefined
}
