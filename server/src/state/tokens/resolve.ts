import { and, eq, gt, isNull, lt, or } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { sha256 } from '../../lib/digest.ts'
import { ExpiringMap } from '../../lib/expiring-map.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import { tokens, units, users } from '../../seams/store/schema/identity.ts'
import type { Database } from '../../seams/store/store.ts'
import { type Actor, type Permission, permissionsByRole } from '../actor.ts'
import { appendAudit } from '../audit/append.ts'
import { translateStoreError } from '../store-error.ts'
import { rootUnitPath } from '../units/unit.ts'
import { isPermission } from './token.ts'

export interface TokenResolver {
  /** Undefined when it is no live token; the attempt is audited, at most once a minute for an address. */
  resolve(token: string, address: string): Promise<Actor | undefined>
  /** Call when people, units or tokens changed; without it a change is seen within `cacheMs`. */
  forget(): void
}

const cacheMs = 2_000
const cachedMax = 10_000
const touchMs = 60_000
const auditEveryMs = 60_000
const tokenLengthMax = 512

/** Turns bearer tokens into actors, from a short memory or one query. */
export function createTokenResolver(database: Database, clock: Clock): TokenResolver {
  const cache = new ExpiringMap<Actor>(cachedMax, cacheMs)
  const audited = new ExpiringMap<true>(cachedMax, auditEveryMs)
  let generation = 0
  let refusedCount = 0
  return {
    async resolve(token, address) {
      const hash = sha256(token.slice(0, tokenLengthMax))
      const key = hash.toString('base64')
      const startedIn = generation
      const cached = cache.get(key, clock.now())
      const actor = cached ?? (token.length <= tokenLengthMax ? await load(database, clock, hash) : undefined)
      if (!cached && actor && startedIn === generation) cache.set(key, actor, clock.now())
      if (actor) return { ...actor, address }
      refusedCount++
      if (!audited.get(address, clock.now())) {
        audited.set(address, true, clock.now())
        await auditRefusal(database, clock, address, refusedCount)
        refusedCount = 0
      }
      return undefined
    },
    forget() {
      generation++
      cache.clear()
    },
  }
}

const ownerUnits = alias(units, 'owner_units')

async function load(database: Database, clock: Clock, tokenHash: Buffer): Promise<Actor | undefined> {
  try {
    const now = new Date(clock.now())
    const [row] = await database
      .select({ token: tokens, unitPath: units.path, owner: users, ownerUnitPath: ownerUnits.path })
      .from(tokens)
      .innerJoin(units, eq(units.id, tokens.unitId))
      .leftJoin(users, eq(users.id, tokens.ownerId))
      .leftJoin(ownerUnits, eq(ownerUnits.id, users.unitId))
      .where(
        and(
          eq(tokens.tokenHash, tokenHash),
          isNull(tokens.revokedAt),
          or(isNull(tokens.expiresAt), gt(tokens.expiresAt, now)),
        ),
      )
    if (!row) return undefined
    const { token, owner, ownerUnitPath, unitPath } = row
    if (now.getTime() - (token.lastUsedAt?.getTime() ?? 0) > touchMs) await touch(database, token.id, now)
    // A person who was moved elsewhere no longer acts on the unit of the token.
    const sees = ownerUnitPath !== null && unitPath.startsWith(ownerUnitPath)
    const held = token.permissions
      .filter(isPermission)
      .filter((permission) => token.ownerId === null || ownerStillGives(sees ? owner : null, permission))
    if (held.length === 0) return undefined
    return { kind: 'token', id: token.id, name: token.name, unitPath, permissions: new Set(held) }
  } catch (error) {
    throw translateStoreError(error)
  }
}

/** Senders of records go on when the person who set them up leaves; everything else ends with the person. */
function ownerStillGives(
  owner: Pick<typeof users.$inferSelect, 'role' | 'disabled'> | null,
  permission: Permission,
): boolean {
  if (permission === 'ingest') return true
  return owner !== null && !owner.disabled && permissionsByRole[owner.role].includes(permission)
}

async function touch(database: Database, id: string, now: Date): Promise<void> {
  const older = or(isNull(tokens.lastUsedAt), lt(tokens.lastUsedAt, now))
  // unaudited: when it was last used, at most once a minute.
  await database
    .update(tokens)
    .set({ lastUsedAt: now })
    .where(and(eq(tokens.id, id), older))
}

async function auditRefusal(database: Database, clock: Clock, address: string, attempts: number): Promise<void> {
  try {
    await database.transaction((transaction) =>
      appendAudit(transaction, clock, {
        actor: { kind: 'token', id: '', name: 'unknown', address },
        action: 'token.refused',
        target: 'token:unknown',
        unitPath: rootUnitPath,
        detail: { attemptsSinceLastRow: attempts },
      }),
    )
  } catch (error) {
    throw translateStoreError(error)
  }
}
