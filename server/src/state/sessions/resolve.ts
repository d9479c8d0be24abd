import { and, eq, gt, isNull, lt } from 'drizzle-orm'
import { sha256 } from '../../lib/digest.ts'
import { ExpiringMap } from '../../lib/expiring-map.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import { sessions, units, users } from '../../seams/store/schema/identity.ts'
import type { Database } from '../../seams/store/store.ts'
import { type Actor, permissionsByRole, type Role } from '../actor.ts'
import { translateStoreError } from '../store-error.ts'
import { idleMs } from './session-token.ts'

/** Who a request comes from. */
export interface SignedIn {
  /** Without any permission until a one-time password was changed. */
  actor: Actor
  sessionId: string
  userId: number
  role: Role
  displayName: string
  unitId: number
  unitName: string
  mustChangePassword: boolean
  totpEnabled: boolean
  expiresAt: Date
}

export interface SessionResolver {
  /** Undefined when the token is of no live session. */
  resolve(token: string, address: string): Promise<SignedIn | undefined>
  /** Call when people, units or sessions changed; without it a change is seen within `cacheMs`. */
  forget(): void
}

const cacheMs = 2_000
const cachedMax = 10_000
/** How old the time of last use may be; it is not written at every request. */
const touchMs = 60_000

/** Turns session tokens into actors, from a short memory or one query. */
export function createSessionResolver(database: Database, clock: Clock): SessionResolver {
  const cache = new ExpiringMap<SignedIn>(cachedMax, cacheMs)
  let generation = 0
  return {
    async resolve(token, address) {
      if (!/^wfs_[\w-]{43}$/.test(token)) return undefined
      const hash = sha256(token)
      const key = hash.toString('base64')
      const startedIn = generation
      const cached = cache.get(key, clock.now())
      const signedIn = cached ?? (await load(database, clock, hash))
      // An answer that was under way when everything was to be forgotten may be an old one.
      if (!cached && signedIn && startedIn === generation) cache.set(key, signedIn, clock.now())
      return signedIn && { ...signedIn, actor: { ...signedIn.actor, address } }
    },
    forget() {
      generation++
      cache.clear()
    },
  }
}

async function load(database: Database, clock: Clock, tokenHash: Buffer): Promise<SignedIn | undefined> {
  try {
    const nowMs = clock.now()
    const [row] = await database
      .select({ session: sessions, user: users, unit: units })
      .from(sessions)
      .innerJoin(users, eq(users.id, sessions.userId))
      .innerJoin(units, eq(units.id, users.unitId))
      .where(
        and(
          eq(sessions.tokenHash, tokenHash),
          isNull(sessions.endedAt),
          gt(sessions.expiresAt, new Date(nowMs)),
          gt(sessions.lastSeenAt, new Date(nowMs - idleMs)),
          eq(users.disabled, false),
        ),
      )
    if (!row) return undefined
    if (nowMs - row.session.lastSeenAt.getTime() > touchMs) await touch(database, row.session.id, nowMs)
    return signedInOf(row)
  } catch (error) {
    throw translateStoreError(error)
  }
}

async function touch(database: Database, id: string, nowMs: number): Promise<void> {
  const lastSeenAt = new Date(nowMs)
  // unaudited: when it was last used, at most once a minute.
  await database
    .update(sessions)
    .set({ lastSeenAt })
    .where(and(eq(sessions.id, id), lt(sessions.lastSeenAt, lastSeenAt)))
}

interface Row {
  session: typeof sessions.$inferSelect
  user: typeof users.$inferSelect
  unit: typeof units.$inferSelect
}

function signedInOf({ session, user, unit }: Row): SignedIn {
  const permissions = user.mustChangePassword ? [] : permissionsByRole[user.role]
  return {
    actor: {
      kind: 'user',
      id: String(user.id),
      name: user.name,
      unitPath: unit.path,
      permissions: new Set(permissions),
    },
    sessionId: session.id,
    userId: user.id,
    role: user.role,
    displayName: user.displayName,
    unitId: unit.id,
    unitName: unit.name,
    mustChangePassword: user.mustChangePassword,
    totpEnabled: user.totpEnabled,
    expiresAt: session.expiresAt,
  }
}
