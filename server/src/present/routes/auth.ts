import { z } from 'zod'
import type { App } from '../app.ts'
import { pending } from '../pending.ts'
import { listOf, noContent, textIdParams } from '../schemas/common.ts'
import { me, session, signInInput } from '../schemas/identity.ts'

export function authRoutes(app: App): void {
  const tags = ['auth']
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
    pending,
  )
  app.post(
    '/auth/sign-out',
    {
      config: { access: 'signed-in', beforePasswordChange: true },
      schema: { tags, operationId: 'signOut', summary: 'End this session', response: { 204: noContent } },
    },
    pending,
  )
  app.get(
    '/auth/me',
    {
      config: { access: 'signed-in', beforePasswordChange: true },
      schema: { tags, operationId: 'getMe', summary: 'Who am I, and what may I do', response: { 200: me } },
    },
    pending,
  )
  app.post(
    '/auth/password',
    {
      config: { access: 'signed-in', beforePasswordChange: true },
      schema: {
        tags,
        operationId: 'changePassword',
        summary: 'Change the own password; all other sessions end',
        body: z.object({ currentPassword: z.string().min(1).max(1024), newPassword: z.string().min(1).max(1024) }),
        response: { 204: noContent },
      },
    },
    pending,
  )
  app.post(
    '/auth/totp/enrol',
    {
      config: { access: 'signed-in' },
      schema: {
        tags,
        operationId: 'enrolTotp',
        summary: 'Begin a second factor; it counts once confirmed',
        response: { 200: z.object({ secret: z.string(), uri: z.string() }) },
      },
    },
    pending,
  )
  app.post(
    '/auth/totp/confirm',
    {
      config: { access: 'signed-in' },
      schema: {
        tags,
        operationId: 'confirmTotp',
        summary: 'Confirm the second factor with a first code',
        body: z.object({ code: z.string().min(6).max(32) }),
        response: { 204: noContent },
      },
    },
    pending,
  )
  app.post(
    '/auth/totp/remove',
    {
      config: { access: 'signed-in' },
      schema: {
        tags,
        operationId: 'removeTotp',
        summary: 'Remove the second factor',
        body: z.object({ password: z.string().min(1).max(1024) }),
        response: { 204: noContent },
      },
    },
    pending,
  )
  app.get(
    '/auth/sessions',
    {
      config: { access: 'signed-in' },
      schema: { tags, operationId: 'listSessions', summary: 'My sessions', response: { 200: listOf(session) } },
    },
    pending,
  )
  app.delete(
    '/auth/sessions/:id',
    {
      config: { access: 'signed-in' },
      schema: {
        tags,
        operationId: 'revokeSession',
        summary: 'End one of my sessions',
        params: textIdParams,
        response: { 204: noContent },
      },
    },
    pending,
  )
}
