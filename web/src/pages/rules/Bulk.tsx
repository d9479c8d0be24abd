import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useCan } from '../../api/session.tsx'
import { Dialog } from '../../forms/Dialog.tsx'
import { formatNumber } from '../../ui/format.ts'
import { MenuButton } from '../../ui/Popup.tsx'
import { Problem } from '../../ui/States.tsx'
import { toast } from '../../ui/toast.tsx'
import type { Search } from '../../ui/useUrl.ts'

type Rule = Schemas['Rule']
type Change = { stage: 'draft' | 'test' | 'live' } | { enabled: boolean }

/** One change for all rules the filters leave, told and asked for before it is made. */
export function Bulk({ filters, total }: { filters: Search; total: number | undefined }) {
  const { t } = useTranslation()
  const can = useCan()
  const queries = useQueryClient()
  const [chosen, setChosen] = useState<{ change: Change; label: string }>()
  const change = useMutation({
    mutationFn: (wanted: Change) => {
      const { text, technique, severity, origin, stage, enabled, canFire, why, collection } = filters
      const list = <Value,>(value: string | undefined) => value?.split(',') as Value[] | undefined
      const flag = (value: string | undefined) => (value === undefined ? undefined : value === 'true')
      const filter = {
        ...{ text, technique, enabled: flag(enabled), canFire: flag(canFire) },
        why: why as Rule['cannotFireReasons'][number] | undefined,
        severity: list<Rule['severity']>(severity),
        origin: list<Rule['origin']>(origin),
        stage: list<Rule['stage']>(stage),
        collection: collection === undefined ? undefined : Number(collection),
      }
      return answer(api.POST('/api/v1/rules/bulk', { body: { filter, ...wanted, note: '' } }))
    },
    onSuccess: async ({ changed }) => {
      setChosen(undefined)
      toast(t('workbench.bulkDone', { count: changed }))
      await queries.invalidateQueries({ queryKey: ['rules'] })
    },
  })
  const reason = can('rule:write')
  const items: { change: Change; label: string }[] = [
    { change: { enabled: true }, label: t('rule.enabled') },
    { change: { enabled: false }, label: t('rule.disabled') },
    ...(['live', 'test', 'draft'] as const).map((stage) => ({
      change: { stage },
      label: `→ ${t(`workbench.stages.${stage}`)}`,
    })),
  ]
  const name = t('workbench.bulk', { count: total ?? 0 })
  return (
    <>
      <MenuButton
        label={name}
        testId="bulk-rules"
        items={items.map((item) => ({
          key: item.label,
          label: item.label,
          disabled: reason,
          onSelect: () => setChosen(item),
        }))}
      >
        {name}
      </MenuButton>
      {chosen ? (
        <Dialog
          title={`${name}: ${chosen.label}`}
          okText={t('workbench.doIt')}
          busy={change.isPending}
          onCancel={() => setChosen(undefined)}
          onOk={() => change.mutate(chosen.change)}
        >
          <p>{t('workbench.bulkSure', { count: formatNumber(total ?? 0) })}</p>
          {change.error ? <Problem error={change.error} /> : null}
        </Dialog>
      ) : null}
    </>
  )
}
