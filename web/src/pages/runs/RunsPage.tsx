import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useList } from '../../api/lists.ts'
import type { Column } from '../../table/columns.ts'
import { Table } from '../../table/Table.tsx'
import { Filter, FilterText } from '../../ui/Filter.tsx'
import { formatDuration, formatNumber } from '../../ui/format.ts'
import { PageHead } from '../../ui/PageHead.tsx'
import { Split } from '../../ui/Split.tsx'
import { Empty, Problem, Skeleton } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { listRange, rangeOf, TimePicker } from '../../ui/TimePicker.tsx'
import { resolveRange } from '../../ui/time.ts'
import { useUrl } from '../../ui/useUrl.ts'
import { Bands } from './Bands.tsx'
import './runs.css'

type Run = Schemas['Run']

const states = ['running', 'succeeded', 'failed', 'cancelled', 'lost'] as const
const causes = ['scheduled', 'catch_up', 'late', 'manual'] as const
const kinds = ['analytic', 'backtest'] as const
const tones: Record<Run['state'], string> = {
  running: 'soft',
  succeeded: 'good',
  failed: 'bad',
  cancelled: 'faint',
  lost: 'warn',
}
const marks: Record<Run['state'], string> = { running: '◐', succeeded: '●', failed: '▲', cancelled: '○', lost: '◆' }

/** The ledger of every run over stored events, with the gaps above it. */
export default function RunsPage() {
  const { t, i18n } = useTranslation()
  const [url, setUrl] = useUrl()
  const range = rangeOf(url, 'now-7d')
  const span = resolveRange(range, Date.now())
  const question = {
    kind: url.kind,
    state: url.state,
    cause: url.cause,
    subject: url.subject,
    text: url.text,
    ...listRange(range),
  }
  const list = useList<Run>(
    ['runs', url.kind, url.state, url.cause, url.subject, url.text, range.from, range.to],
    (after) => answer(api.GET('/api/v1/runs', { params: { query: { ...question, after, limit: 100 } as never } })),
  )
  const titleOf = (run: Run) => (i18n.language === 'en' ? run.title : (run.titleZh ?? run.title))
  // biome-ignore lint/correctness/useExhaustiveDependencies: the titles follow the language, which t stands for
  const columns = useMemo<Column<Run>[]>(
    () => [
      { key: 'state', title: t('run.state'), width: 92, render: (run) => <RunState state={run.state} /> },
      {
        key: 'title',
        title: t('run.subject'),
        width: 240,
        grow: true,
        render: (run) => <span className="strong">{titleOf(run)}</span>,
      },
      {
        key: 'window',
        title: t('run.window'),
        width: 236,
        render: (run) => (
          <span>
            <Time value={run.windowFrom} /> — <Time value={run.windowTo} />
          </span>
        ),
      },
      { key: 'cause', minor: true, title: t('run.cause'), width: 92, render: (run) => t(`run.causes.${run.cause}`) },
      {
        key: 'attempt',
        minor: true,
        title: t('run.attempt'),
        width: 64,
        align: 'right',
        render: (run) => <span className="number">{run.attempt}</span>,
      },
      {
        key: 'started',
        minor: true,
        title: t('run.started'),
        width: 132,
        render: (run) => <Time value={run.startedAt} />,
      },
      {
        key: 'took',
        minor: true,
        title: t('run.took'),
        width: 90,
        align: 'right',
        render: (run) => <span className="number">{tookOf(run)}</span>,
      },
      {
        key: 'rows',
        minor: true,
        title: t('run.rowsRead'),
        width: 100,
        align: 'right',
        render: (run) => <span className="number">{run.rowsRead === null ? '—' : formatNumber(run.rowsRead)}</span>,
      },
      {
        key: 'matches',
        minor: true,
        title: t('run.matches'),
        width: 72,
        align: 'right',
        render: (run) => <span className="number">{run.matches === null ? '—' : formatNumber(run.matches)}</span>,
      },
    ],
    [t],
  )
  return (
    <div className="page fill">
      <PageHead title={t('pages.runs')} hint={t('run.pageHint')}>
        <FilterText value={url.text} placeholder={t('run.find')} onChange={(text) => setUrl({ text })} />
        <Filter
          label={t('run.kind')}
          value={url.kind}
          allLabel={t('filter.all')}
          options={kinds.map((value) => ({ value, label: t(`run.kinds.${value}`) }))}
          onChange={(kind) => setUrl({ kind })}
        />
        <Filter
          label={t('run.state')}
          value={url.state}
          allLabel={t('filter.all')}
          options={states.map((value) => ({ value, label: t(`run.states.${value}`) }))}
          onChange={(state) => setUrl({ state })}
          testId="run-state"
        />
        <Filter
          label={t('run.cause')}
          value={url.cause}
          allLabel={t('filter.all')}
          options={causes.map((value) => ({ value, label: t(`run.causes.${value}`) }))}
          onChange={(cause) => setUrl({ cause })}
        />
        {url.subject ? (
          <button type="button" className="button on" onClick={() => setUrl({ subject: undefined })}>
            {t('run.oneSubject')} ✕
          </button>
        ) : null}
        <TimePicker value={range} onChange={({ from, to }) => setUrl({ from, to })} />
      </PageHead>
      <Bands
        fromMs={span.fromMs}
        toMs={span.toMs}
        onWindow={(subject, fromMs, toMs) =>
          setUrl({ subject, from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() })
        }
      />
      <Split
        id="runs"
        detailLabel={t('pages.runs')}
        onClose={() => setUrl({ id: undefined }, 'replace')}
        detail={url.id ? <RunDetail id={Number(url.id)} /> : null}
      >
        <Table
          {...list}
          id="runs"
          label={t('pages.runs')}
          columns={columns}
          rowKey={(run) => String(run.id)}
          activeKey={url.id}
          onOpen={(run) => setUrl({ id: String(run.id) }, 'replace')}
          empty={<Empty title={t('run.none')}>{t('run.noneHint')}</Empty>}
        />
      </Split>
    </div>
  )
}

function RunState({ state }: { state: Run['state'] }) {
  const { t } = useTranslation()
  return (
    <span className={tones[state]}>
      {marks[state]} {t(`run.states.${state}`)}
    </span>
  )
}

function tookOf({ startedAt, endedAt }: Run): string {
  return endedAt ? formatDuration(Date.parse(endedAt) - Date.parse(startedAt)) : '—'
}

function RunDetail({ id }: { id: number }) {
  const { t, i18n } = useTranslation()
  const { data: run, error } = useQuery({
    queryKey: ['runs', 'one', id],
    queryFn: () => answer(api.GET('/api/v1/runs/{id}', { params: { path: { id } } })),
  })
  if (!run)
    return (
      <div className="detail">
        <div className="detail-body">{error ? <Problem error={error} /> : <Skeleton rows={6} />}</div>
      </div>
    )
  return (
    <div className="detail" data-testid="run-detail">
      <div className="detail-head">
        <h2>{i18n.language === 'en' ? run.title : (run.titleZh ?? run.title)}</h2>
        <div className="row wrap">
          <RunState state={run.state} />
          <Link className="button" to={`/rules/${encodeURIComponent(run.subjectId)}` as '/'}>
            {t('run.openSubject')}
          </Link>
          <Link
            className="button"
            to="/detections"
            search={{ rule: run.subjectId, from: run.windowFrom, to: run.windowTo } as never}
          >
            {t('run.openDetections')}
          </Link>
        </div>
      </div>
      <div className="detail-body">
        {run.error ? (
          <section className="state error">
            <div className="row">
              {run.errorCode ? <code className="chip bad">{run.errorCode}</code> : null}
              <span>{run.error}</span>
            </div>
            {run.retryAt ? (
              <p className="soft">
                {t('run.retryAt')} <Time value={run.retryAt} as="full" />
              </p>
            ) : null}
          </section>
        ) : null}
        <dl className="facts">
          <dt>{t('run.kind')}</dt>
          <dd>{t(`run.kinds.${run.kind}`)}</dd>
          <dt>{t('run.window')}</dt>
          <dd>
            <Time value={run.windowFrom} as="full" /> — <Time value={run.windowTo} as="full" />
          </dd>
          <dt>{t('run.cause')}</dt>
          <dd>
            {t(`run.causes.${run.cause}`)} · {t('run.attempt')} {run.attempt}
          </dd>
          <dt>{t('run.started')}</dt>
          <dd>
            <Time value={run.startedAt} as="full" />
          </dd>
          <dt>{t('run.took')}</dt>
          <dd className="number">{tookOf(run)}</dd>
          <dt>{t('run.rowsRead')}</dt>
          <dd className="number">{run.rowsRead === null ? '—' : formatNumber(run.rowsRead)}</dd>
          <dt>{t('run.matches')}</dt>
          <dd className="number">{run.matches === null ? '—' : formatNumber(run.matches)}</dd>
          <dt>{t('run.requestedBy')}</dt>
          <dd>{run.requestedBy}</dd>
        </dl>
      </div>
    </div>
  )
}
