import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { severities } from '../../ui/Severity.tsx'
import { closeReasons, statuses } from './words.tsx'

type Facts = Record<string, unknown>

const kinds = [
  'opened',
  'severity_raised',
  'merged',
  'assigned',
  'status',
  'severity',
  'closed',
  'reopened',
  'undone',
] as const

/** People one may assign to, by id. */
export function useUsers() {
  return useQuery({
    queryKey: ['users', 'all'],
    queryFn: () => answer(api.GET('/api/v1/users', { params: { query: { limit: 500 } } })),
    staleTime: 60_000,
  })
}

/** A change of an incident in a sentence of the reader's language, from the facts its log entry carries. */
export function useChangeText(): (entry: Schemas['TimelineEntry']) => string {
  const { t } = useTranslation()
  const { data: users } = useUsers()
  return ({ text, detail }) => {
    const kind = kinds.find((name) => name === detail.activity)
    if (!kind) return text
    const before = (detail.before ?? {}) as Facts
    const after = (detail.after ?? {}) as Facts
    const sentence = t(`incident.change.${kind}`, {
      score: String(detail.score ?? ''),
      from: word(detail.from ?? before[kind]),
      to: kind === 'assigned' ? userName(after.assigneeId) : word(detail.to ?? after[kind]),
      reason: word(after.closeReason),
    })
    const note = typeof detail.note === 'string' ? ` — ${detail.note}` : ''
    return sentence + note
  }

  function userName(id: unknown): string {
    if (id === null || id === undefined) return t('incident.nobody')
    return users?.items.find((user) => user.id === id)?.displayName ?? `#${String(id)}`
  }

  function word(value: unknown): string {
    const severity = severities.find((name) => name === value)
    if (severity) return t(`severity.${severity}`)
    const status = statuses.find((name) => name === value)
    if (status) return t(`incident.status.${status}`)
    const reason = closeReasons.find((name) => name === value)
    return reason ? t(`incident.closeReason.${reason}`) : String(value ?? '')
  }
}
