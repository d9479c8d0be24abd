import { DownloadOutlined, SafetyCertificateOutlined } from '@ant-design/icons'
import { useMutation } from '@tanstack/react-query'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { exportUrl } from '../../api/download.ts'
import { useList } from '../../api/lists.ts'
import type { Column } from '../../table/columns.ts'
import { Table } from '../../table/Table.tsx'
import { Action } from '../../ui/Action.tsx'
import { Copy } from '../../ui/Copy.tsx'
import { FilterText } from '../../ui/Filter.tsx'
import { formatNumber } from '../../ui/format.ts'
import { PageHead } from '../../ui/PageHead.tsx'
import { Split } from '../../ui/Split.tsx'
import { Empty } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { listRange, TimePicker } from '../../ui/TimePicker.tsx'
import { zoneName } from '../../ui/time.ts'
import { useUrl } from '../../ui/useUrl.ts'

type AuditRow = Schemas['AuditRow']

/** Who did what; the chain can be checked from here. */
export default function AuditPage() {
  const { t } = useTranslation()
  const [url, setUrl] = useUrl()
  const range = { from: url.from ?? 'all', to: url.to ?? 'now' }
  const filters = { actor: url.actor, action: url.action, target: url.target }
  const list = useList<AuditRow>(['audit', filters, range.from, range.to], (after) =>
    answer(api.GET('/api/v1/audit', { params: { query: { ...filters, ...listRange(range), after, limit: 200 } } })),
  )
  const verify = useMutation({ mutationFn: () => answer(api.POST('/api/v1/audit/verify')) })
  const columns = useMemo<Column<AuditRow>[]>(
    () => [
      {
        key: 'sequence',
        minor: true,
        title: t('audit.sequence'),
        width: 80,
        align: 'right',
        render: (row) => <span className="number faint">{formatNumber(row.sequence)}</span>,
      },
      { key: 'at', title: `${t('search.time')} (${zoneName()})`, width: 140, render: (row) => <Time value={row.at} /> },
      {
        key: 'actor',
        title: t('audit.actor'),
        width: 150,
        render: (row) => (
          <button
            type="button"
            className="plain"
            title={`${row.actorKind}:${row.actorId}`}
            onClick={() => setUrl({ actor: row.actorName })}
          >
            {row.actorName}
          </button>
        ),
      },
      {
        key: 'action',
        title: t('audit.action'),
        width: 180,
        render: (row) => (
          <button type="button" className="plain mono" onClick={() => setUrl({ action: row.action })}>
            {row.action}
          </button>
        ),
      },
      {
        key: 'target',
        minor: true,
        title: t('audit.target'),
        width: 200,
        render: (row) => (
          <button type="button" className="plain mono" onClick={() => setUrl({ target: row.target })}>
            {row.target}
          </button>
        ),
      },
      {
        key: 'detail',
        minor: true,
        title: t('audit.detail'),
        width: 300,
        grow: true,
        render: (row) => <span className="mono faint">{row.detail ? JSON.stringify(row.detail) : '—'}</span>,
      },
      {
        key: 'address',
        minor: true,
        title: t('audit.address'),
        width: 120,
        render: (row) => <span className="mono">{row.address ?? '—'}</span>,
      },
      {
        key: 'unit',
        title: t('source.unit'),
        width: 90,
        hidden: true,
        render: (row) => <span className="mono">{row.unitPath}</span>,
      },
    ],
    [t, setUrl],
  )
  const chosen = list.rows?.find(({ sequence }) => String(sequence) === url.id)
  return (
    <div className="page fill">
      <PageHead title={t('pages.audit')}>
        <FilterText
          value={url.actor}
          placeholder={t('audit.actor')}
          width={120}
          onChange={(actor) => setUrl({ actor })}
        />
        <FilterText
          value={url.action}
          placeholder={t('audit.action')}
          width={140}
          onChange={(action) => setUrl({ action })}
        />
        <FilterText
          value={url.target}
          placeholder={t('audit.target')}
          width={140}
          onChange={(target) => setUrl({ target })}
        />
        <TimePicker
          value={range}
          anyTime
          onChange={({ from, to }) =>
            setUrl({ from: from === 'all' ? undefined : from, to: to === 'now' ? undefined : to })
          }
        />
        <a
          className="button"
          href={exportUrl('/api/v1/audit/export', { ...filters, ...listRange(range) })}
          data-testid="export"
        >
          <DownloadOutlined /> {t('actions.export')}
        </a>
        <Action primary busy={verify.isPending} onClick={() => verify.mutate()} testId="verify-chain">
          <SafetyCertificateOutlined /> {verify.isPending ? t('audit.verifying') : t('audit.verify')}
        </Action>
      </PageHead>
      {verify.data ? (
        <div
          className="card"
          style={{ padding: '8px 14px', borderColor: verify.data.intact ? 'var(--good)' : 'var(--bad)' }}
          role="status"
          data-testid="chain-result"
        >
          {verify.data.intact ? (
            <b className="good">
              ✓ {t('audit.intact', { rows: formatNumber(verify.data.rows), heads: formatNumber(verify.data.heads) })}
            </b>
          ) : (
            <>
              <b className="bad">
                ▲ {t('audit.broken', { sequence: formatNumber(verify.data.problem?.sequence ?? 0) })}
              </b>
              <p>
                {verify.data.problem?.kind}: {verify.data.problem?.message}
              </p>
            </>
          )}
        </div>
      ) : null}
      <Split
        id="audit"
        detailLabel={t('audit.row')}
        onClose={() => setUrl({ id: undefined }, 'replace')}
        detail={
          chosen ? (
            <div className="detail">
              <div className="detail-head">
                <h2 className="mono">{chosen.action}</h2>
              </div>
              <div className="detail-body">
                <dl className="facts">
                  <dt>{t('audit.sequence')}</dt>
                  <dd className="number">{formatNumber(chosen.sequence)}</dd>
                  <dt>{t('search.time')}</dt>
                  <dd>
                    <Time value={chosen.at} as="full" />
                  </dd>
                  <dt>{t('audit.actor')}</dt>
                  <dd>
                    {chosen.actorName}{' '}
                    <span className="faint mono">
                      {chosen.actorKind}:{chosen.actorId}
                    </span>
                  </dd>
                  <dt>{t('audit.address')}</dt>
                  <dd className="mono">{chosen.address ?? '—'}</dd>
                  <dt>{t('audit.target')}</dt>
                  <dd className="mono">{chosen.target}</dd>
                  <dt>{t('source.unit')}</dt>
                  <dd className="mono">{chosen.unitPath}</dd>
                  <dt>{t('audit.hash')}</dt>
                  <dd className="mono">
                    {chosen.hash} <Copy text={chosen.hash} />
                  </dd>
                </dl>
                <section>
                  <h3>{t('audit.detail')}</h3>
                  <pre className="raw">{JSON.stringify(chosen.detail, null, 2)}</pre>
                </section>
              </div>
            </div>
          ) : null
        }
      >
        <Table
          {...list}
          id="audit"
          ownExport
          label={t('pages.audit')}
          columns={columns}
          rowKey={(row) => String(row.sequence)}
          activeKey={url.id}
          onOpen={(row) => setUrl({ id: String(row.sequence) }, 'replace')}
          empty={
            <Empty
              title={t('audit.none')}
              action={
                <Action
                  primary
                  onClick={() =>
                    setUrl({ actor: undefined, action: undefined, target: undefined, from: undefined, to: undefined })
                  }
                >
                  {t('incident.showAll')}
                </Action>
              }
            />
          }
        />
      </Split>
    </div>
  )
}
