import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas, setCsrfToken } from './client.ts'
import { ApiError } from './problem.ts'

export type Me = Schemas['Me']

export const meKey = ['me']
const endedKey = ['me', 'ended']

/** Who I am; null when nobody is signed in. Whose session ends while they work stays known, so that their work does. */
async function fetchMe(queries: QueryClient): Promise<Me | null> {
  try {
    const me = await answer(api.GET('/api/v1/auth/me'))
    beginSession(queries, me)
    return me
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 401)) throw error
    endSession(queries)
    return queries.getQueryData<Me | null>(meKey) ?? null
  }
}

export function useMe() {
  return useQuery({ queryKey: meKey, queryFn: ({ client }) => fetchMe(client), staleTime: 5 * 60_000 })
}

/** The session of whoever is known has ended: by time, by an administrator or elsewhere, not by signing out here. */
export function useSessionEnded(): boolean {
  return useQuery({ queryKey: endedKey, queryFn: () => false, enabled: false, initialData: false }).data
}

export function beginSession(queries: QueryClient, me: Me): void {
  setCsrfToken(me.csrfToken)
  queries.setQueryData(endedKey, false)
}

/** An answer said that nobody is signed in. */
export function endSession(queries: QueryClient): void {
  if (queries.getQueryData(meKey)) queries.setQueryData(endedKey, true)
  else queries.setQueryData(meKey, null)
}

/** Nothing that one person saw may be shown to the next. */
export function forgetAllButMe(queries: QueryClient): void {
  queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== meKey[0] })
}

export function useSignOut() {
  const queries = useQueryClient()
  return useCallback(async () => {
    await answer(api.POST('/api/v1/auth/sign-out')).catch((error: unknown) => {
      // A session that has already ended is what we wanted.
      if (!(error instanceof ApiError && error.status === 401)) throw error
    })
    setCsrfToken(null)
    queries.setQueryData(endedKey, false)
    queries.setQueryData(meKey, null)
    forgetAllButMe(queries)
  }, [queries])
}

/** Which roles hold a permission, to say whom to ask. Mirrors the three powers of the server. */
const rolesByPermission: Record<string, Schemas['Role'][]> = {
  'unit:write': ['system_administrator'],
  'user:write': ['system_administrator'],
  'token:write': ['system_administrator'],
  'source:write': ['system_administrator'],
  'settings:write': ['system_administrator'],
  'event:read': ['security_manager', 'security_operator'],
  'event:export': ['security_manager', 'security_operator'],
  'incident:read': ['security_manager', 'security_operator'],
  'incident:write': ['security_manager', 'security_operator'],
  'detection:read': ['security_manager', 'security_operator'],
  'rule:read': ['security_manager', 'security_operator'],
  'rule:write': ['security_manager'],
  'exception:write': ['security_manager', 'security_operator'],
  'notification:write': ['security_manager'],
  'import:write': ['security_manager', 'security_operator'],
  'packet:read': ['security_manager', 'security_operator'],
  'audit:read': ['auditor'],
}

/** `can(permission)` is undefined when I may, else the reason in words, to be shown on the disabled control. */
export function useCan(): (permission: string | undefined) => string | undefined {
  const { data: me } = useMe()
  const { t } = useTranslation()
  return useCallback(
    (permission) => {
      if (permission === undefined || me?.permissions.includes(permission)) return undefined
      const roles = (rolesByPermission[permission] ?? []).map((role) => t(`role.${role}`)).join(t('punctuation.list'))
      return t('states.lacksPermission', { permission, roles })
    },
    [me, t],
  )
}

/** The children, or, without the permission, why not. */
export function Needs({ permission, children }: { permission: string; children: ReactNode }) {
  const reason = useCan()(permission)
  const { t } = useTranslation()
  if (reason === undefined) return children
  return (
    <div className="state" data-testid="forbidden">
      <h3>{t('states.notYours')}</h3>
      <p>{reason}</p>
    </div>
  )
}
