import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { ApiError } from '../../api/problem.ts'
import { sendChange, tookTheirs } from '../../forms/conflict.ts'
import { failureOf } from '../../ui/problemText.ts'
import { toast } from '../../ui/toast.tsx'

export type Bulk = {
  ids: number[]
  action: 'assign' | 'status' | 'severity' | 'close' | 'reopen'
  assigneeId?: number | null
  status?: 'new' | 'in_progress' | 'on_hold'
  severity?: Schemas['Severity']
  reason?: Schemas['CloseReason']
  note?: string
  duplicateOf?: number
  /** By incident id: the version the reader saw. */
  versions?: Record<string, number>
}

/** A change of one incident that somebody else changed meanwhile is asked about; among many it is named as failed. */
async function send(bulk: Bulk): Promise<Schemas['BulkResult']> {
  const [id] = bulk.ids
  const seen = bulk.ids.length === 1 ? bulk.versions?.[String(id)] : undefined
  const post = (body: Bulk) => answer(api.POST('/api/v1/incidents/bulk', { body }))
  if (seen === undefined) return post(bulk)
  return sendChange(seen, async (version) => {
    const result = await post({ ...bulk, versions: { [String(id)]: version } })
    const conflict = result.failed.find(({ code }) => code === 'CHANGED_MEANWHILE')
    if (conflict) throw new ApiError(412, { error: conflict })
    return result
  })
}

/** Versions of the incidents that are shown, for a change of them. */
export function versionsOf(incidents: Pick<Schemas['Incident'], 'id' | 'version'>[]): Record<string, number> {
  return Object.fromEntries(incidents.map(({ id, version }) => [String(id), version]))
}

/** Every change of incidents, one or many, goes the same way and can be taken back from the answer. */
export function useIncidentActions(onDone?: (outcome: 'done' | 'theirs') => void) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const refresh = async () => {
    await Promise.all([
      queries.invalidateQueries({ queryKey: ['incidents'] }),
      queries.invalidateQueries({ queryKey: ['incident'] }),
      queries.invalidateQueries({ queryKey: ['overview'] }),
    ])
  }
  const tellFailed = (failed: Schemas['BulkResult']['failed']) =>
    toast(
      t('incident.someFailed', {
        number: failed.length,
        message: (failed[0] && (failureOf(failed[0].code) ?? failed[0].message)) ?? '',
      }),
      {
        kind: 'error',
        seconds: 12,
      },
    )
  const undo = useMutation({
    mutationFn: (undoId: string) => answer(api.POST('/api/v1/incidents/bulk/undo', { body: { undoId } })),
    onSuccess: async ({ changed, failed }) => {
      await refresh()
      if (failed.length > 0) tellFailed(failed)
      if (changed > 0) toast(t('incident.undone', { number: changed }))
    },
  })
  const change = useMutation({
    mutationFn: send,
    onError: (error) => {
      if (tookTheirs(error)) onDone?.('theirs')
    },
    onSuccess: async ({ changed, undoId, failed }, bulk) => {
      await refresh()
      onDone?.('done')
      if (failed.length > 0) tellFailed(failed)
      if (changed === 0 && failed.length === 0) toast(t('incident.unchanged'))
      if (changed > 0) {
        toast(t(`incident.done.${bulk.action}`, { number: changed }), {
          action: undoId === null ? undefined : { label: t('actions.undo'), run: () => undo.mutate(undoId) },
        })
      }
    },
  })
  return { change: change.mutate, busy: change.isPending }
}
