import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useCan } from '../../api/session.tsx'
import { Action } from '../../ui/Action.tsx'
import { formatNumber } from '../../ui/format.ts'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { formatTime, formatTimeShort } from '../../ui/time.ts'
import { toast } from '../../ui/toast.tsx'
import { segmentsOf } from './segments.ts'

type Analytic = Schemas['Analytic']

/** Which windows of history each analytic has answered: a hole is seen at once. */
export function Bands({
  fromMs,
  toMs,
  onWindow,
}: {
  fromMs: number
  toMs: number
  onWindow(subject: string, fromMs: number, toMs: number): void
}) {
  const { t, i18n } = useTranslation()
  const can = useCan()
  const queries = useQueryClient()
  // To the minute, so that the question stays the same while the page is open.
  const from = new Date(Math.floor(fromMs / 60_000) * 60_000).toISOString()
  const to = new Date(Math.ceil(toMs / 60_000) * 60_000).toISOString()
  const { data, error, refetch } = useQuery({
    queryKey: ['analytics', from, to],
    queryFn: () => answer(api.GET('/api/v1/analytics', { params: { query: { from, to } } })),
  })
  const again = useMutation({
    mutationFn: async (analytic: Analytic) => {
      const gaps = analytic.windows.filter(({ state }) => state === 'given_up')
      for (const gap of gaps) {
        const params = { path: { id: analytic.id } }
        await answer(api.POST('/api/v1/analytics/{id}/run', { params, body: { from: gap.from } }))
      }
    },
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['analytics'] })
      toast(t('run.asked'))
    },
  })
  if (error) return <Problem error={error} onRetry={() => void refetch()} />
  if (!data) return <Skeleton rows={4} />
  const width = toMs - fromMs
  const share = (ms: number) => `${(((Math.min(Math.max(ms, fromMs), toMs) - fromMs) / width) * 100).toFixed(3)}%`
  return (
    <section className="card" data-testid="bands" style={{ marginBottom: 10 }}>
      <div className="bands">
        {data.items.map((analytic) => (
          <BandRow key={analytic.id} analytic={analytic} />
        ))}
        <div className="axis faint small number">
          <span>{formatTimeShort(fromMs)}</span>
          <span>{formatTimeShort((fromMs + toMs) / 2)}</span>
          <span>{formatTimeShort(toMs)}</span>
        </div>
      </div>
      <div className="legend small soft bands-legend">
        {(['done', 'filled', 'due', 'given_up'] as const).map((kind) => (
          <span key={kind}>
            <i className={kind} style={{ background: colourOf[kind] }} />
            {t(`run.band.${kind}`)}
          </span>
        ))}
      </div>
    </section>
  )

  function BandRow({ analytic }: { analytic: Analytic }) {
    const title = i18n.language === 'en' ? analytic.title : analytic.titleZh
    return (
      <>
        <span className="name" title={title}>
          <Link to={`/rules/${analytic.id}` as '/'}>{title}</Link>
          {analytic.enabled ? null : <span className="faint"> ○ {t('rule.disabled')}</span>}
        </span>
        <div className="band">
          {segmentsOf(analytic.windows).map(({ kind, fromMs: begin, toMs: end, windows }) => {
            const text = `${t(`run.band.${kind}`)}: ${formatTime(begin)} — ${formatTime(end)} (${t('run.windows', { number: formatNumber(windows) })})`
            return (
              <button
                key={begin}
                type="button"
                className={kind}
                title={text}
                aria-label={text}
                style={{ left: share(begin), width: `calc(${share(end)} - ${share(begin)})` }}
                onClick={() => onWindow(analytic.id, begin, end)}
              />
            )
          })}
        </div>
        <span className="row small">
          {analytic.givenUp > 0 ? (
            <>
              <span className="bad">▲ {t('run.gaps', { number: formatNumber(analytic.givenUp) })}</span>
              <Action reason={can('rule:write')} busy={again.isPending} onClick={() => again.mutate(analytic)}>
                {t('run.again')}
              </Action>
            </>
          ) : analytic.open > 0 ? (
            <span className="warn">◆ {t('run.open', { number: formatNumber(analytic.open) })}</span>
          ) : (
            <span className="good">● {t('run.complete')}</span>
          )}
        </span>
      </>
    )
  }
}

const colourOf = {
  done: 'color-mix(in srgb, var(--good) 55%, transparent)',
  filled: 'var(--good)',
  due: 'var(--warn)',
  given_up: 'var(--bad)',
}
