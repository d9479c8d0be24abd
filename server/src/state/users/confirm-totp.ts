import { and, eq } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { sha256 } from '../../lib/digest.ts'
import { recoveryCodes, users } from '../../seams/store/schema/identity.ts'
import { parseInput } from '../input.ts'
import type { MasterKeys } from '../secrets/master-keys.ts'
import { loadSecret } from '../secrets/secret.ts'
import { normalCode, totpSecretName, totpStep } from '../sessions/second-factor.ts'
import { type Context, write } from '../write.ts'

const confirmTotpInput = z.strictObject({ code: z.string().min(6).max(16) })

const recoveryCodeCount = 10

/**
 * Ends the enrolment with a first code; from now on signing in asks for one. Answers ten recovery codes, told once. Throws
 * SIGN_IN_FAILED when the code is wrong, NOT_FOUND when no enrolment was begun, CONFLICT when it was confirmed before.
 */
export async function confirmTotp(
  context: Context,
  keys: MasterKeys,
  input: z.input<typeof confirmTotpInput>,
): Promise<{ recoveryCodes: string[] }> {
  const { code } = parseInput(confirmTotpInput, input)
  const { actor, clock } = context
  const userId = Number(actor.id)
  // 80 bits each, in base 32 without padding: four groups of four.
  const codes = Array.from({ length: recoveryCodeCount }, () => spelled(clock.random(10)))
  return write(context, { action: 'user.confirm-totp', permission: 'self' }, async (transaction) => {
    const seed = await loadSecret(transaction, keys, totpSecretName(userId))
    const step = totpStep(seed, normalCode(code), clock.now())
    if (step === undefined) throw new CodedError('SIGN_IN_FAILED', 'The code is wrong; check the clock of the device')
    const enabled = await transaction
      .update(users)
      .set({ totpEnabled: true, totpLastStep: step })
      .where(and(eq(users.id, userId), eq(users.totpEnabled, false)))
      .returning({ id: users.id })
    if (enabled.length === 0) throw new CodedError('CONFLICT', 'The second factor was confirmed before', { id: userId })
    await transaction.delete(recoveryCodes).where(eq(recoveryCodes.userId, userId))
    await transaction.insert(recoveryCodes).values(codes.map((text) => ({ userId, hash: sha256(normalCode(text)) })))
    return { result: { recoveryCodes: codes }, target: `user:${userId}`, unitPath: actor.unitPath }
  })
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

function spelled(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const letters = bits.match(/.{5}/g)!.map((five) => alphabet[Number.parseInt(five, 2)]!)
  return letters.join('').replace(/(.{4})(?!$)/g, '$1-')
}
