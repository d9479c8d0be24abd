import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useDeferredValue, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { Dialog } from '../../forms/Dialog.tsx'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { toast } from '../../ui/toast.tsx'

/** Sends an incident to a channel of the unit's choice; what will be sent is shown before it is. */
export function SendDialog({ id, unitPath, onDone }: { id: number; unitPath: string; onDone(): void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [chosen, setChosen] = useState<number>()
  const [note, setNote] = useState('')
  const previewed = useDeferredValue(note)
  const channels = useQuery({
    queryKey: ['channels', 'for-sending'],
    queryFn: () => answer(api.GET('/api/v1/notifications/channels', { params: { query: { limit: 200 } } })),
  })
  const units = useQuery({ queryKey: ['units'], queryFn: () => answer(api.GET('/api/v1/units')), staleTime: 60_000 })
  const nameOf = new Map(units.data?.items.map(({ path, name }) => [path, name]))
  const usable = channels.data?.items.filter(
    (one) => one.enabled && (one.unitPath.startsWith(unitPath) || unitPath.startsWith(one.unitPath)),
  )
  const channelId = chosen ?? usable?.[0]?.id
  const preview = useQuery({
    queryKey: ['incidents', 'notice', id, channelId, previewed],
    queryFn: ({ signal }) => {
      const query = { channelId: channelId!, note: previewed }
      return answer(api.GET('/api/v1/incidents/{id}/notice', { params: { path: { id }, query }, signal }))
    },
    enabled: channelId !== undefined,
    placeholderData: keepPreviousData,
  })
  const send = useMutation({
    mutationFn: () =>
      answer(
        api.POST('/api/v1/incidents/{id}/notice', {
          params: { path: { id } },
          body: { channelId: channelId!, note },
        }),
      ),
    onSuccess: async () => {
      toast(t('incident.send.done'))
      onDone()
      await queries.invalidateQueries({ queryKey: ['deliveries'] })
      await queries.invalidateQueries({ queryKey: ['incidents', 'timeline'] })
    },
  })
  return (
    <Dialog
      title={t('incident.send.title', { id })}
      width={680}
      testId="send-dialog"
      okText={t('incident.send.ok')}
      busy={send.isPending}
      disabled={channelId === undefined || preview.data === undefined}
      onCancel={onDone}
      onOk={usable?.length === 0 ? undefined : () => send.mutate()}
    >
      <div className="column" style={{ gap: 10 }}>
        {channels.error ? <Problem error={channels.error} /> : null}
        {usable?.length === 0 ? (
          <p>
            {t('incident.send.none')} <Link to="/notifications">{t('pages.notifications')}</Link>
          </p>
        ) : null}
        {usable && usable.length > 0 ? (
          <>
            <fieldset style={{ border: 0, padding: 0, margin: 0 }}>
              <legend className="soft small">{t('incident.send.channel')}</legend>
              {usable.map((one) => (
                <label key={one.id} className="row" style={{ padding: '3px 0' }}>
                  <input
                    type="radio"
                    name="channel"
                    checked={one.id === channelId}
                    data-testid={`send-channel-${one.id}`}
                    onChange={() => setChosen(one.id)}
                  />
                  <b>{one.name}</b>
                  <span className="chip">{t(`notification.kinds.${one.kind}`)}</span>
                  <span className="faint">{nameOf.get(one.unitPath) ?? one.unitPath}</span>
                </label>
              ))}
            </fieldset>
            <label className="column" style={{ gap: 4 }}>
              <span className="soft small">{t('incident.send.note')}</span>
              <textarea
                className="input"
                style={{ height: 56, padding: 8 }}
                maxLength={1000}
                data-testid="send-note"
                value={note}
                onChange={(event) => setNote(event.target.value)}
              />
            </label>
            <section>
              <h3 className="section-title">{t('incident.send.preview')}</h3>
              {preview.error ? <Problem error={preview.error} /> : null}
              {preview.data ? (
                <>
                  {preview.data.subject === null ? null : <p className="strong">{preview.data.subject}</p>}
                  <pre
                    className="raw small"
                    data-testid="send-preview"
                    style={{ maxHeight: 280, whiteSpace: 'pre-wrap' }}
                  >
                    {preview.data.text}
                  </pre>
                </>
              ) : preview.error ? null : (
                <Skeleton rows={5} />
              )}
            </section>
          </>
        ) : null}
        {send.error ? <Problem error={send.error} /> : null}
      </div>
    </Dialog>
  )
}
