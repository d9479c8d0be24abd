import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
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
}

/** Every change of incidents, one or many, goes the same way and can be taken back from the answer. */
export function useIncidentActions(onDone?: () => void) {
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
    toast(t('incident.someFailed', { number: failed.length, message: failed[0]?.message ?? '' }), {
      kind: 'error',
      seconds: 12,
    })
  const undo = useMutation({
    mutationFn: (undoId: string) => answer(api.POST('/api/v1/incidents/bulk/undo', { body: { undoId } })),
    onSuccess: async ({ changed, failed }) => {
      await refresh()
      if (failed.length > 0) tellFailed(failed)
      if (changed > 0) toast(t('incident.undone', { number: changed }))
    },
  })
  const change = useMutation({
    mutationFn: (bulk: Bulk) => answer(api.POST('/api/v1/incidents/bulk', { body: bulk })),
    onSuccess: async ({ changed, undoId, failed }, bulk) => {
      await refresh()
      onDone?.()
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
