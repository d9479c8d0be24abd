import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { PageHead } from '../../ui/PageHead.tsx'
import { UnitTree } from './UnitTree.tsx'
import { Users } from './Users.tsx'

/** The tree of units beside the people in them. */
export default function UnitsPage() {
  const { t } = useTranslation()
  const units = useQuery({ queryKey: ['units'], queryFn: () => answer(api.GET('/api/v1/units')), staleTime: 10_000 })
  return (
    <div className="page fill">
      <PageHead title={t('pages.units')} hint={t('user.powersHint')} />
      <div className="grow" style={{ display: 'flex', gap: 10, minHeight: 0 }}>
        <UnitTree units={units.data?.items} error={units.error} onRetry={() => void units.refetch()} />
        <Users units={units.data?.items ?? []} />
      </div>
    </div>
  )
}
