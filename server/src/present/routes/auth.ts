import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { canonicalPeerAddress } from '../../lib/address.ts'
import { listSessions } from '../../state/sessions/list.ts'
import { createSessionResolver } from '../../state/sessions/resolve.ts'
import { revokeSession, signOut } from '../../state/sessions/revoke.ts'
import { csrfTokenOf } from '../../state/sessions/session-token.ts'
import { signIn } from '../../state/sessions/sign-in.ts'
import { loadSettings } from '../../state/settings/setting.ts'
import { getUnit } from '../../state/units/get.ts'
import { changePassword } from '../../state/users/change-password.ts'
import { confirmTotp } from '../../state/users/confirm-totp.ts'
import { enrolTotp } from '../../state/users/enrol-totp.ts'
import { removeTotp } from '../../state/users/remove-totp.ts'
import type { App } from '../app.ts'
import { sessionCookie } from '../authenticate.ts'
import { contextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { listOf, noContent, pageQuery, textIdParams } from '../schemas/common.ts'
import { me, recoveryCodes, session, signInInput, totpEnrolment } from '../schemas/identity.ts'
import { paged } from '../schemas/paged.ts'

const tags = ['auth']

export function authRoutes(app: App, dependencies: Dependencies): void {
  signInRoutes(app, dependencies)
  totpRoutes(app, dependencies)
  sessionRoutes(app, dependencies)
}

function signInRoutes(app: App, dependencies: Dependencies): void {
  const { database, clock, keys } = dependencies
  app.post(
    '/auth/sign-in',
    {
      config: { access: 'public' },
      schema: {
        tags,
        operationId: 'signIn',
        summary: 'Sign in with a name and a password',
        body: signInInput,
        response: { 200: me },
      },
    },
    async (request, reply) => {
      const address = canonicalPeerAddress(request.ip)
      const from = { address, userAgent: request.headers['user-agent'] ?? '' }
      const opened = await signIn({ database, clock, keys }, request.body, from)
      setCookie(request, reply, opened.token)
      const signedIn = await createSessionResolver(database, clock).resolve(opened.token, address)
      if (!signedIn) throw new TypeError('the session that was just opened is not there')
      request.actor = signedIn.actor
      request.session = { ...signedIn, token: opened.token }
      return describeMe(request, dependencies)
    },
  )
  app.get(
    '/auth/notice',
    {
      config: { access: 'public' },
      schema: {
        tags,
        operationId: 'getSignInNotice',
        summary: 'What people read before they sign in',
        response: { 200: z.object({ notice: z.string() }) },
      },
    },
    async () => ({ notice: (await loadSettings(database))['signIn.notice'] }),
  )
  app.post(
    '/auth/sign-out',
    {
      config: { access: 'signed-in', beforePasswordChange: true },
      schema: { tags, operationId: 'signOut', summary: 'End this session', response: { 204: noContent } },
    },
    async (request, reply) => {
      if (request.session) await signOut(contextOf(request, dependencies), request.session.sessionId)
      reply.clearCookie(sessionCookie, { path: '/' })
      return reply.status(204).send(null)
    },
  )
  app.get(
    '/auth/me',
    {
      config: { access: 'signed-in', beforePasswordChange: true },
      schema: { tags, operationId: 'getMe', summary: 'Who am I, and what may I do', response: { 200: me } },
    },
    async (request) => describeMe(request, dependencies),
  )
  app.post(
    '/auth/password',
    {
      config: { access: 'signed-in', beforePasswordChange: true },
      schema: {
        tags,
        operationId: 'changePassword',
        summary: 'Change the own password; all other sessions end',
        body: z.object({ currentPassword: z.string().min(1).max(512), newPassword: z.string().min(1).max(512) }),
        response: { 204: noContent },
      },
    },
    async (request, reply) => {
      const { currentPassword: present, newPassword: next } = request.body
      await changePassword(contextOf(request, dependencies), { present, next }, request.session?.sessionId ?? '')
      return reply.status(204).send(null)
    },
  )
}

function totpRoutes(app: App, dependencies: Dependencies): void {
  const { keys } = dependencies
  const config = { access: 'signed-in' } as const
  const withPassword = z.object({ password: z.string().min(1).max(512) })
  app.post(
    '/auth/totp/enrol',
    {
      config,
      schema: {
        tags,
        operationId: 'enrolTotp',
        summary: 'Begin a second factor; it counts once confirmed',
        body: withPassword,
        response: { 200: totpEnrolment },
      },
    },
    async (request) => enrolTotp(contextOf(request, dependencies), keys, request.body),
  )
  app.post(
    '/auth/totp/confirm',
    {
      config,
      schema: {
        tags,
        operationId: 'confirmTotp',
        summary: 'Confirm the second factor with a first code; the recovery codes are shown once',
        body: z.object({ code: z.string().min(6).max(16) }),
        response: { 200: recoveryCodes },
      },
    },
    async (request) => confirmTotp(contextOf(request, dependencies), keys, request.body),
  )
  app.post(
    '/auth/totp/remove',
    {
      config,
      schema: {
        tags,
        operationId: 'removeTotp',
        summary: 'Remove the own second factor',
        body: withPassword,
        response: { 204: noContent },
      },
    },
    async (request, reply) => {
      await removeTotp(contextOf(request, dependencies), {
        userId: Number(request.actor.id),
        password: request.body.password,
      })
      return reply.status(204).send(null)
    },
  )
}

function sessionRoutes(app: App, dependencies: Dependencies): void {
  app.get(
    '/auth/sessions',
    {
      config: { access: 'signed-in' },
      schema: {
        tags,
        operationId: 'listSessions',
        summary: 'My sessions; of others too with user:write and `user`',
        querystring: pageQuery.extend({ user: z.coerce.number().int().min(1).optional() }),
        response: { 200: listOf(session) },
      },
    },
    async (request) => {
      const { user = Number(request.actor.id), ...query } = request.query
      const page = await listSessions(contextOf(request, dependencies), { ...paged(query), userId: user })
      const current = request.session?.sessionId
      return { ...page, items: page.items.map((item) => ({ ...item, current: item.id === current })) }
    },
  )
  app.delete(
    '/auth/sessions/:id',
    {
      config: { access: 'signed-in' },
      schema: {
        tags,
        operationId: 'revokeSession',
        summary: 'End one of my sessions; of others too with user:write',
        params: textIdParams,
        response: { 204: noContent },
      },
    },
    async (request, reply) => {
      await revokeSession(contextOf(request, dependencies), { id: request.params.id })
      return reply.status(204).send(null)
    },
  )
}

/** Not readable by scripts, not sent along by other sites, gone with the browser. */
function setCookie(request: FastifyRequest, reply: FastifyReply, token: string): void {
  reply.setCookie(sessionCookie, token, {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: request.protocol === 'https',
  })
}

async function describeMe(request: FastifyRequest, dependencies: Dependencies): Promise<z.output<typeof me>> {
  const { actor, session: signedIn } = request
  const permissions = [...actor.permissions]
  if (signedIn) {
    const { userId, displayName, role, unitId, unitName, mustChangePassword, totpEnabled, token } = signedIn
    return {
      kind: 'user',
      user: { id: userId, name: actor.name, displayName, role, totpEnabled },
      name: displayName,
      permissions,
      unit: { id: unitId, name: unitName, path: actor.unitPath },
      csrfToken: csrfTokenOf(token),
      mustChangePassword,
    }
  }
  const id = Number(actor.unitPath.split('/').at(-2))
  const unit = actor.permissions.has('unit:read') ? await getUnit(contextOf(request, dependencies), id) : undefined
  return {
    kind: 'token',
    user: null,
    name: actor.name,
    permissions,
    unit: { id, name: unit?.name ?? '', path: actor.unitPath },
    csrfToken: null,
    mustChangePassword: false,
  }
}
