import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { sha256 } from '../../lib/digest.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import { tokens } from '../../seams/store/schema/identity.ts'
import type { Transaction } from '../../seams/store/store.ts'
import { type Actor, allPermissions, type Permission } from '../actor.ts'
import { idNumber, nameText, parseInput } from '../input.ts'
import { locateUnit, ownUnitId } from '../units/locate.ts'
import { type Context, write } from '../write.ts'
import type { Token } from './token.ts'

const lifetimeMaxMs = 5 * 365 * 24 * 3_600_000

const createTokenInput = z.strictObject({
  name: nameText(100),
  permissions: z
    .array(z.enum(allPermissions as [Permission, ...Permission[]]))
    .min(1)
    .max(allPermissions.length)
    .transform((permissions) => [...new Set(permissions)]),
  /** The creator's unit unless named. */
  unitId: idNumber.optional(),
  /** Every token ends. */
  expiresAt: z.coerce.date(),
})

/** The token itself is told here once. */
export interface CreatedToken {
  token: string
  record: Token
}

/**
 * Makes a bearer token. It holds a part of what its creator holds, at or below the creator's unit: a token must not join
 * powers that no person may join (三权分立). `ingest`, which no person holds, is given by whoever holds `token:write`.
 * A person's token loses what its owner loses, `ingest` excepted; a token's tokens end with it.
 * Throws FORBIDDEN naming the permission, NOT_FOUND for a unit outside the actor's, BAD_REQUEST for a wrong expiry.
 */
export async function createToken(context: Context, input: z.input<typeof createTokenInput>): Promise<CreatedToken> {
  const { name, permissions, unitId, expiresAt } = parseInput(createTokenInput, input)
  const { actor, clock } = context
  for (const permission of permissions) requireGrantable(actor, permission)
  requireExpiry(clock, expiresAt)
  const token = newToken(clock)
  const verb = { action: 'token.create', permission: actor.kind === 'user' ? 'self' : 'token:write' } as const
  return write(context, verb, async (transaction) => {
    const parent = actor.kind === 'token' ? await requireParent(transaction, actor, expiresAt) : undefined
    const unit = await locateUnit(transaction, actor, unitId ?? ownUnitId(actor), 'share')
    const id = clock.id()
    const createdAt = new Date(clock.now())
    const hint = token.slice(-4)
    const ownerId = actor.kind === 'user' ? Number(actor.id) : null
    const row = { id, name, hint, permissions, unitId: unit.id, createdAt, expiresAt }
    await transaction.insert(tokens).values({ ...row, tokenHash: sha256(token), ownerId, parentId: parent?.id ?? null })
    const ownerName = ownerId === null ? null : actor.name
    const record = { ...row, unitPath: unit.path, ownerName, bootstrap: false, lastUsedAt: null, revokedAt: null }
    const detail = { name, permissions, unitId: unit.id, expiresAt }
    return { result: { token, record }, target: `token:${id}`, unitPath: unit.path, detail }
  })
}

function requireGrantable(actor: Actor, permission: Permission): void {
  const held: Permission = permission === 'ingest' && !actor.permissions.has('ingest') ? 'token:write' : permission
  if (!actor.permissions.has(held)) {
    throw new CodedError('FORBIDDEN', `${actor.name} cannot give the permission ${permission}`, { permission })
  }
}

function requireExpiry(clock: Clock, expiresAt: Date): void {
  const lifetimeMs = expiresAt.getTime() - clock.now()
  if (lifetimeMs <= 0 || lifetimeMs > lifetimeMaxMs) {
    throw new CodedError('BAD_REQUEST', 'expiresAt: lies in the next five years', { expiresAt })
  }
}

/** A token that a person made makes no tokens: it would outlive what its owner may do. */
async function requireParent(transaction: Transaction, actor: Actor, expiresAt: Date) {
  const [parent] = await transaction.select().from(tokens).where(eq(tokens.id, actor.id)).for('share')
  if (!parent || parent.revokedAt || parent.ownerId !== null) {
    throw new CodedError('FORBIDDEN', 'A person’s token cannot make tokens', { permission: 'token:write' })
  }
  if (parent.expiresAt && parent.expiresAt < expiresAt) {
    throw new CodedError('BAD_REQUEST', 'expiresAt: a token does not outlive the one that made it', {
      expiresAt: parent.expiresAt,
    })
  }
  return parent
}

/** 256 random bits behind a prefix that scanners for leaked secrets can know it by. */
function newToken(clock: Clock): string {
  return `wf_${clock.random(32).toString('base64url')}`
}
