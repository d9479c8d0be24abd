import { useQuery } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api } from './client.ts'
import { useCan } from './session.tsx'

/** Rules to choose from and to name; asked once, and again when rules change. */
export function useRuleNames() {
  const can = useCan()
  return useQuery({
    queryKey: ['rules', 'names'],
    queryFn: () => answer(api.GET('/api/v1/rules', { params: { query: { limit: 500 } } })),
    staleTime: 300_000,
    enabled: can('rule:read') === undefined,
  })
}

/** A rule's title in the reader's language; the fallback for rules that are gone or lie beyond what is asked. */
export function useRuleTitle(): (id: string, fallback?: string) => string {
  const { i18n } = useTranslation()
  const { data } = useRuleNames()
  const rules = useMemo(() => new Map(data?.items.map((rule) => [rule.id, rule])), [data])
  return useCallback(
    (id, fallback) => {
      const rule = rules.get(id)
      if (!rule) return fallback ?? id
      return i18n.language === 'en' ? rule.title : (rule.titleZh ?? rule.title)
    },
    [rules, i18n.language],
  )
}
