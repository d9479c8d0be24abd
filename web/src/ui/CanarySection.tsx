import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../api/client.ts'
import { useCan } from '../api/session.tsx'
import { useRuleTitle } from '../api/useRuleTitle.ts'
import { Action } from './Action.tsx'
import { formatDuration } from './format.ts'
import { Problem, Skeleton } from './States.tsx'
import { Time } from './Time.tsx'
import { toast } from './toast.tsx'

type Canary = Schemas['Canary']

const hops = [
  ['sent', 'sentAt'],
  ['parsed', 'parsedAt'],
  ['detected', 'detectedAt'],
  ['correlated', 'correlatedAt'],
  ['stored', 'storedAt'],
  ['searchable', 'searchableAt'],
] as const

export const canaryTones: Record<Canary['state'], string> = {
  ...{ waiting: 'soft', running: 'soft', arrived: 'good', lost: 'bad', interrupted: 'faint', impossible: 'faint' },
}
export const canaryMarks: Record<Canary['state'], string> = {
  ...{ waiting: '◌', running: '◐', arrived: '●', lost: '▲', interrupted: '○', impossible: '○' },
}

/** Canaries of a source or of a rule: the last ones, hop by hop, and the button that sends another. */
export function CanarySection({ source, rule }: { source?: string; rule?: string }) {
  const { t } = useTranslation()
  const can = useCan()
  const queries = useQueryClient()
  const titleOf = useRuleTitle()
  const { data, error } = useQuery({
    queryKey: ['canaries', source, rule],
    queryFn: () => answer(api.GET('/api/v1/canaries', { params: { query: { source, rule, limit: 5 } as never } })),
  })
  const test = useMutation({
    mutationFn: () =>
      source === undefined
        ? answer(api.POST('/api/v1/rules/{id}/test', { params: { path: { id: rule ?? '' } } }))
        : answer(api.POST('/api/v1/sources/{id}/test', { params: { path: { id: source } } })),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['canaries'] })
      toast(t('canary.asked'))
    },
  })
  const [latest] = data?.items ?? []
  return (
    <section data-testid="canaries">
      <h3 className="row">
        {t('canary.title')}
        <span style={{ marginLeft: 'auto' }}>
          <Action
            reason={can(source === undefined ? 'rule:write' : 'source:write')}
            busy={test.isPending}
            onClick={() => test.mutate()}
            testId="test-now"
          >
            {t('canary.testNow')}
          </Action>
        </span>
      </h3>
      <p className="faint small">{t('canary.hint')}</p>
      {error ? <Problem error={error} /> : null}
      {data ? null : <Skeleton rows={2} />}
      {data && !latest ? <p className="soft">{t('canary.none')}</p> : null}
      {latest ? <Hops canary={latest} /> : null}
      {data && data.items.length > 0 ? (
        <table className="simple-table" style={{ marginTop: 8 }}>
          <tbody>
            {data.items.map((canary) => (
              <tr key={canary.id} data-testid="canary">
                <td className={canaryTones[canary.state]}>
                  {canaryMarks[canary.state]} {t(`canary.state.${canary.state}`)}
                  {canary.lostAt ? ` · ${t('canary.lostAt', { hop: t(`canary.hop.${canary.lostAt}`) })}` : ''}
                  {canary.detail ? <span className="soft"> · {detailOf(canary.detail)}</span> : null}
                </td>
                <td>
                  {source === undefined ? (
                    canary.sourceName
                  ) : canary.ruleId ? (
                    <Link to={`/rules/${encodeURIComponent(canary.ruleId)}` as '/'}>{titleOf(canary.ruleId)}</Link>
                  ) : canary.parser ? (
                    <span className="faint" title={t('canary.onlyParser')}>
                      {canary.parser}
                    </span>
                  ) : null}
                </td>
                <td className="faint mono">{canary.input}</td>
                <td className="right soft">
                  <Time value={canary.requestedAt} as="ago" />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </section>
  )

  function detailOf(detail: string): string {
    if (detail === 'not_understood') return t('canary.not_understood')
    return detail === 'no_sample' ? t('canary.state.impossible') : detail
  }
}

/** The way of one canary: each hop with the time it took from the sending. */
function Hops({ canary }: { canary: Canary }) {
  const { t } = useTranslation()
  const sentMs = canary.sentAt ? Date.parse(canary.sentAt) : undefined
  const onlyParser = canary.ruleId === null && canary.state !== 'waiting'
  return (
    <div className="row wrap small" style={{ gap: 6 }}>
      {hops
        .filter(([hop]) => !onlyParser || (hop !== 'detected' && hop !== 'correlated'))
        .map(([hop, key], index) => {
          const at = canary[key]
          const isLost = canary.lostAt === hop
          return (
            <span key={hop} className={at ? 'good' : isLost ? 'bad' : 'faint'}>
              {index > 0 ? <span className="faint">→ </span> : null}
              {at ? '●' : isLost ? '▲' : '○'} {t(`canary.hop.${hop}`)}
              {at && sentMs !== undefined && index > 0 ? (
                <span className="faint number"> {formatDuration(Math.max(0, Date.parse(at) - sentMs))}</span>
              ) : null}
            </span>
          )
        })}
    </div>
  )
}
