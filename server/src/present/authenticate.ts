import type { FastifyRequest } from 'fastify'
import { CodedError } from '../event/errors.ts'
import { canonicalPeerAddress } from '../lib/address.ts'
import type { Clock } from '../seams/clock/clock.ts'
import type { Database } from '../seams/store/store.ts'
import type { Actor } from '../state/actor.ts'
import { createSessionResolver, type SessionResolver } from '../state/sessions/resolve.ts'
import { isCsrfToken } from '../state/sessions/session-token.ts'
import { createTokenResolver, type TokenResolver } from '../state/tokens/resolve.ts'
import { requirePermission } from '../state/write.ts'
import type { App } from './app.ts'
import { isSafe, requireSameOrigin } from './security.ts'

export const sessionCookie = 'watchfire_session'

/** Who a request comes from: one for the whole server, since it remembers for a moment. */
export class Authenticator {
  readonly #sessions: SessionResolver
  readonly #tokens: TokenResolver

  constructor(database: Database, clock: Clock) {
    this.#sessions = createSessionResolver(database, clock)
    this.#tokens = createTokenResolver(database, clock)
  }

  /** People, units, sessions or tokens changed. */
  forget(): void {
    this.#sessions.forget()
    this.#tokens.forget()
  }

  /** Fills `request.actor` (and `request.session`). Throws UNAUTHENTICATED; FORBIDDEN for a request another site caused. */
  async identify(request: FastifyRequest): Promise<void> {
    const known = await this.#resolve(request)
    if (!known) throw new CodedError('UNAUTHENTICATED', 'The request carries no valid session or token')
    request.actor = known.actor
    request.session = known.session
    if (known.session) requireCsrfToken(request, known.session.token)
  }

  /** Asked again later: is whoever opened this stream still known, with the same rights? */
  async stillKnown(request: FastifyRequest): Promise<boolean> {
    const known = await this.#resolve(request)
    const { actor } = request
    return (
      known !== undefined &&
      known.actor.unitPath === actor.unitPath &&
      sameSet(known.actor.permissions, actor.permissions)
    )
  }

  async #resolve(request: FastifyRequest): Promise<{ actor: Actor; session: FastifyRequest['session'] } | undefined> {
    const address = canonicalPeerAddress(request.ip)
    const { authorization } = request.headers
    if (authorization !== undefined) {
      // A header that names a program is never silently replaced by a cookie that names a person.
      const secret = secretOf(authorization, request.routeOptions.config.forShippers === true)
      const actor = secret === undefined ? undefined : await this.#tokens.resolve(secret, address)
      return actor && { actor, session: null }
    }
    const token = request.cookies[sessionCookie]
    if (token === undefined) return undefined
    const signedIn = await this.#sessions.resolve(token, address)
    return signedIn && { actor: signedIn.actor, session: { ...signedIn, token } }
  }
}

/** From here on every route of this scope says whom it is for, and lets in nobody else. */
export function guard(app: App, authenticator: Authenticator): void {
  app.addHook('onRoute', (route) => {
    if (route.config?.access === undefined)
      throw new TypeError(`${String(route.method)} ${route.url} does not say whom it is for`)
  })
  app.addHook('onRequest', async (request) => {
    const { access, beforePasswordChange } = request.routeOptions.config
    requireSameOrigin(request)
    if (access === 'public' || access === undefined) return
    await authenticator.identify(request)
    if (request.session?.mustChangePassword && !beforePasswordChange) {
      throw new CodedError('PASSWORD_MUST_CHANGE', 'The one-time password has to be changed first')
    }
    if (access !== 'signed-in') requirePermission(request.actor, access)
  })
}

/** Bearer for programs; for log shippers also Basic (the token as password) and ApiKey (base64 of `id:token`, or the token). */
function secretOf(header: string, forShippers: boolean): string | undefined {
  const [, scheme, value] = /^(\w+) +([^\s]{1,1024})$/.exec(header.trim()) ?? []
  if (scheme === undefined || value === undefined) return undefined
  if (/^bearer$/i.test(scheme)) return value
  if (!forShippers) return undefined
  const decoded = Buffer.from(value, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  if (/^basic$/i.test(scheme)) return colon < 0 ? undefined : decoded.slice(colon + 1)
  if (/^apikey$/i.test(scheme)) return colon < 0 ? value : decoded.slice(colon + 1)
  return undefined
}

/** A cookie alone does not suffice to change something: the token of the session must come in a header too. */
function requireCsrfToken(request: FastifyRequest, sessionToken: string): void {
  const given = request.headers['x-csrf-token']
  if (isSafe(request) || isCsrfToken(sessionToken, typeof given === 'string' ? given : undefined)) return
  throw new CodedError('FORBIDDEN', 'The header x-csrf-token does not fit this session', { reason: 'csrf' })
}

function sameSet(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((item) => other.has(item))
}
