import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { useList } from '../../api/lists.ts'
import { useCan } from '../../api/session.tsx'
import { Action } from '../../ui/Action.tsx'
import { canaryMarks, canaryTones } from '../../ui/CanarySection.tsx'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { toast } from '../../ui/toast.tsx'

/** Each source with its last canary: whether it is walked by itself, and the button that walks it now. */
export function CanarySources({
  except,
  reason,
  onPut,
}: {
  except: string[]
  reason: string | undefined
  onPut(except: string[]): void
}) {
  const { t } = useTranslation()
  const can = useCan()
  const queries = useQueryClient()
  const sources = useList(['sources', 'for-canaries'], (after) =>
    answer(api.GET('/api/v1/sources', { params: { query: { limit: 100, after } } })),
  )
  const canaries = useQuery({
    queryKey: ['canaries', 'latest'],
    queryFn: () => answer(api.GET('/api/v1/canaries', { params: { query: { limit: 200 } } })),
  })
  const test = useMutation({
    mutationFn: (id: string) => answer(api.POST('/api/v1/sources/{id}/test', { params: { path: { id } } })),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['canaries'] })
      toast(t('canary.asked'))
    },
  })
  if (sources.error) return <Problem error={sources.error} onRetry={sources.onRetry} />
  if (!sources.rows) return <Skeleton rows={5} />
  return (
    <>
      <table className="simple-table" data-testid="canary-sources">
        <thead>
          <tr>
            <th>{t('setting.walked')}</th>
            <th>{t('pages.source')}</th>
            <th>{t('setting.lastCanary')}</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {sources.rows.map(({ id, name }) => {
            const latest = canaries.data?.items.find(({ sourceId }) => sourceId === id)
            return (
              <tr key={id}>
                <td style={{ width: 90 }}>
                  <input
                    type="checkbox"
                    aria-label={`${t('setting.walked')} ${name}`}
                    title={reason}
                    disabled={reason !== undefined}
                    checked={!except.includes(id)}
                    onChange={(event) =>
                      onPut(event.target.checked ? except.filter((other) => other !== id) : [...except, id])
                    }
                  />
                </td>
                <td>
                  <Link to="/sources" search={{ id } as never}>
                    {name}
                  </Link>
                </td>
                <td>
                  {latest ? (
                    <span className={canaryTones[latest.state]}>
                      {canaryMarks[latest.state]} {t(`canary.state.${latest.state}`)}
                      {latest.lostAt ? ` · ${t('canary.lostAt', { hop: t(`canary.hop.${latest.lostAt}`) })}` : ''}{' '}
                      <span className="soft">
                        <Time value={latest.requestedAt} as="ago" />
                      </span>
                    </span>
                  ) : (
                    <span className="faint">{t('setting.noCanary')}</span>
                  )}
                </td>
                <td className="right">
                  <Action reason={can('source:write')} onClick={() => test.mutate(id)}>
                    {t('canary.testNow')}
                  </Action>
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
      {sources.hasMore ? (
        <div>
          <Action busy={sources.loadingMore} onClick={sources.onMore}>
            {t('table.more')}
          </Action>
        </div>
      ) : null}
    </>
  )
}
