import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { inPlaceOf } from '../../api/problem.ts'
import { useCan } from '../../api/session.tsx'
import { Action } from '../../ui/Action.tsx'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'

export function IncidentComments({ id }: { id: number }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const can = useCan()
  const [text, setText] = useState('')
  const { data, error, refetch } = useQuery({
    queryKey: ['incidents', 'comments', id],
    queryFn: () => answer(api.GET('/api/v1/incidents/{id}/comments', { params: { path: { id } } })),
  })
  const add = useMutation({
    mutationFn: () =>
      answer(api.POST('/api/v1/incidents/{id}/comments', { params: { path: { id } }, body: { text: text.trim() } })),
    onSuccess: async () => {
      setText('')
      await queries.invalidateQueries({ queryKey: ['incidents'] })
    },
  })
  if (inPlaceOf(data, error)) return <Problem error={error} onRetry={() => void refetch()} />
  const reason = can('incident:write') ?? (text.trim() === '' ? t('incident.writeFirst') : undefined)
  return (
    <>
      {data ? null : <Skeleton rows={4} />}
      {data?.items.length === 0 ? <p className="faint">{t('incident.noComments')}</p> : null}
      {data?.items.map((comment) => (
        <section key={comment.id}>
          <h3>
            {comment.author}{' '}
            <span className="faint small">
              <Time value={comment.createdAt} />
            </span>
          </h3>
          <p style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{comment.text}</p>
        </section>
      ))}
      <section className="column" style={{ gap: 6 }}>
        <textarea
          className="input"
          style={{ height: 84, padding: 8, resize: 'vertical' }}
          data-testid="comment-text"
          aria-label={t('incident.comment')}
          placeholder={t('incident.commentHint')}
          maxLength={4000}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) =>
            (event.ctrlKey || event.metaKey) && event.key === 'Enter' && text.trim() && add.mutate()
          }
        />
        <div className="row">
          <Action primary reason={reason} busy={add.isPending} onClick={() => add.mutate()} testId="add-comment">
            {t('incident.addComment')}
          </Action>
          <span className="faint small">Ctrl + Enter</span>
        </div>
      </section>
    </>
  )
}
