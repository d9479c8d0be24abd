import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { useUrl } from '../../ui/useUrl.ts'
import { newDraft } from './draft.ts'
import { Workbench } from './Workbench.tsx'

/** `?id=` a rule to work on; without it a new one, from `?query=` of a search or `?event=` where they are given. */
export default function WorkbenchPage() {
  const [url] = useUrl()
  return (
    <Loaded
      key={url.id ?? `new ${url.query ?? ''} ${url.event ?? ''}`}
      id={url.id}
      query={url.query}
      eventId={url.event}
    />
  )
}

function Loaded({ id, query, eventId }: { id?: string; query?: string; eventId?: string }) {
  const { t } = useTranslation()
  const { data, error, refetch } = useQuery({
    queryKey: ['rules', 'workbench', id, query, eventId],
    queryFn: async () => {
      if (id === undefined) {
        const found = eventId
          ? await answer(api.GET('/api/v1/events/{id}', { params: { path: { id: eventId } } }))
          : undefined
        const event = found && eventId ? { id: eventId, fields: found.event as Record<string, unknown> } : undefined
        return { rule: undefined, text: newDraft({ query, event }) }
      }
      const rule = await answer(api.GET('/api/v1/rules/{id}', { params: { path: { id } } }))
      const version = rule.stored?.headVersion ?? 0
      const path = { id: rule.textId, version }
      const { yaml, samples } = await answer(api.GET('/api/v1/rules/{id}/versions/{version}', { params: { path } }))
      const plain = {
        fires: samples.fires.map(({ parser, lines }) => ({ parser, lines })),
        silent: samples.silent.map(({ parser, lines }) => ({ parser, lines })),
      }
      return { rule, text: { yaml, samples: plain, eventIds: [], revision: rule.stored?.revision } }
    },
    staleTime: Number.POSITIVE_INFINITY,
  })
  if (error)
    return (
      <div className="page">
        <Problem error={error} onRetry={() => void refetch()} />
      </div>
    )
  if (!data)
    return (
      <div className="page" role="status" aria-label={t('states.loading')}>
        <Skeleton rows={12} />
      </div>
    )
  return <Workbench key={`${data.rule?.textId}`} rule={data.rule} saved={data.text} />
}
