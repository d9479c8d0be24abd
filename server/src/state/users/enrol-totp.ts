import { eq } from 'drizzle-orm'
import { Secret, TOTP } from 'otpauth'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { users } from '../../seams/store/schema/identity.ts'
import { parseInput } from '../input.ts'
import type { MasterKeys } from '../secrets/master-keys.ts'
import { storeSecret } from '../secrets/secret.ts'
import { totpSecretName, totpSettings } from '../sessions/second-factor.ts'
import { rootUnitPath } from '../units/unit.ts'
import { type Context, read, write } from '../write.ts'
import { requirePresentPassword } from './change-password.ts'

const enrolTotpInput = z.strictObject({ password: z.string().min(1).max(512) })

export interface TotpEnrolment {
  /** For the QR code: otpauth://totp/… */
  uri: string
  /** The seed in base32, for typing. */
  secret: string
}

/**
 * Begins the enrolment of one's own second factor: the seed is told once, and counts from `confirmTotp` on. Throws
 * SIGN_IN_FAILED when the password is wrong, CONFLICT when a second factor is enrolled.
 */
export async function enrolTotp(
  context: Context,
  keys: MasterKeys,
  input: z.input<typeof enrolTotpInput>,
): Promise<TotpEnrolment> {
  const { password } = parseInput(enrolTotpInput, input)
  const { actor, clock, database } = context
  const id = Number(actor.id)
  const [user] = await read(context, 'self', () => database.select().from(users).where(eq(users.id, id)))
  if (!user) throw new CodedError('NOT_FOUND', `user:${id} was not found`, { target: `user:${id}` })
  await read(context, 'self', () => requirePresentPassword(context, user.name, user.passwordHash, password))
  const seed = clock.random(20)
  await write(context, { action: 'user.enrol-totp', permission: 'self' }, async (transaction) => {
    const [present] = await transaction
      .select({ enabled: users.totpEnabled })
      .from(users)
      .where(eq(users.id, id))
      .for('update')
    if (present?.enabled) throw new CodedError('CONFLICT', 'A second factor is enrolled; remove it first', { id })
    const place = { name: totpSecretName(id), unitPath: rootUnitPath, by: actor.name }
    await storeSecret(transaction, { keys, clock, ...place }, seed)
    return { result: undefined, target: `user:${id}`, unitPath: actor.unitPath }
  })
  const secret = new Secret({ buffer: new Uint8Array(seed).buffer })
  return { uri: new TOTP({ ...totpSettings, label: user.name, secret }).toString(), secret: secret.base32 }
}
