import { Link } from '@tanstack/react-router'
import { Switch } from 'antd'
import { lazy, Suspense, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useList } from '../../api/lists.ts'
import { useCan } from '../../api/session.tsx'
import type { Column } from '../../table/columns.ts'
import { Table } from '../../table/Table.tsx'
import { Action } from '../../ui/Action.tsx'
import { Filter, FilterText } from '../../ui/Filter.tsx'
import { formatNumber } from '../../ui/format.ts'
import { PageHead } from '../../ui/PageHead.tsx'
import { Severity, severities } from '../../ui/Severity.tsx'
import { Split } from '../../ui/Split.tsx'
import { Stage } from '../../ui/Stage.tsx'
import { Empty } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { useUrl } from '../../ui/useUrl.ts'
import { Bulk } from './Bulk.tsx'
import { RuleDetail } from './RuleDetail.tsx'
import { CanFire, useRuleSwitch, useRuleText } from './ruleControls.tsx'

type Rule = Schemas['Rule']

const cannotFireCodes = [
  ...([
    'no_source',
    'source_silent',
    'source_unparsed',
    'field_drifted',
    'unknown_field',
    'canary_lost',
    'sample_failed',
  ] as const),
  ...(['no_indicator', 'part_cannot_fire', 'run_failed', 'refused', 'disabled', 'draft'] as const),
  ...(['bus_full', 'disk_full', 'store_down', 'thread_down'] as const),
] satisfies Schemas['CannotFire']['code'][]

const ImportsDialog = lazy(async () => ({ default: (await import('./ImportsDialog.tsx')).ImportsDialog }))

export default function RulesPage() {
  const { t } = useTranslation()
  const [url, setUrl] = useUrl()
  const can = useCan()
  const change = useRuleSwitch()
  const filters = {
    text: url.text,
    severity: url.severity,
    enabled: url.enabled,
    canFire: url.canFire,
    why: url.why,
    stopped: url.stopped,
    technique: url.technique,
    origin: url.origin,
    stage: url.stage,
    collection: url.collection,
  }
  const list = useList<Rule>(['rules', filters], (after) =>
    answer(api.GET('/api/v1/rules', { params: { query: { ...filters, after, limit: 200 } as never } })),
  )
  const reason = can('rule:write')
  const inLanguage = useRuleText()
  const { mutate, isPending } = change
  const columns = useMemo<Column<Rule>[]>(
    () => [
      {
        key: 'enabled',
        title: t('rule.on'),
        width: 62,
        render: (row) => (
          <span title={reason}>
            <Switch
              size="small"
              checked={row.enabled}
              disabled={reason !== undefined || isPending}
              aria-label={`${t('rule.on')}: ${row.title}`}
              onChange={(enabled) => mutate({ ...row, enabled })}
            />
          </span>
        ),
      },
      { key: 'canFire', title: t('rule.canFire'), width: 110, render: (row) => <CanFire rule={row} /> },
      {
        key: 'severity',
        title: t('incident.severity'),
        width: 100,
        render: (row) => <Severity value={row.severity} />,
      },
      {
        key: 'title',
        title: t('rule.title'),
        width: 246,
        grow: true,
        render: (row) => (
          <span className="strong" title={inLanguage(row).description}>
            {inLanguage(row).title}
          </span>
        ),
      },
      {
        key: 'stage',
        minor: true,
        title: t('rule.stage'),
        width: 112,
        render: (row) => <Stage tactics={row.tactics} />,
      },
      {
        key: 'origin',
        minor: true,
        title: t('workbench.origin'),
        width: 84,
        render: (row) => t(`workbench.origins.${row.origin}`),
      },
      {
        key: 'step',
        minor: true,
        title: t('workbench.stage'),
        width: 84,
        render: (row) => (
          <span className={row.stage === 'live' ? '' : 'chip warn'}>{t(`workbench.stages.${row.stage}`)}</span>
        ),
      },
      {
        key: 'techniques',
        minor: true,
        title: t('incident.techniques'),
        width: 120,
        render: (row) => <span className="mono">{row.techniques.join(' ')}</span>,
      },
      {
        key: 'logsource',
        minor: true,
        title: t('rule.logsource'),
        width: 134,
        render: (row) => (
          <span className="mono">
            {[row.logsource.product, row.logsource.service, row.logsource.category].filter(Boolean).join(' / ') || '—'}
          </span>
        ),
      },
      { key: 'kind', minor: true, title: t('rule.kind'), width: 104, render: (row) => t(`rule.kinds.${row.kind}`) },
      {
        key: 'day',
        minor: true,
        title: t('rule.firedDay'),
        width: 84,
        align: 'right',
        render: (row) => <span className="number">{formatNumber(row.firedCountLastDay)}</span>,
      },
      {
        key: 'count',
        title: t('rule.fired'),
        width: 84,
        align: 'right',
        hidden: true,
        render: (row) => <span className="number">{formatNumber(row.firedCount)}</span>,
      },
      {
        key: 'last',
        minor: true,
        title: t('rule.lastFired'),
        width: 120,
        render: (row) => <Time value={row.lastFiredAt} as="ago" empty={t('rule.never')} />,
      },
      { key: 'status', title: t('rule.status'), width: 90, hidden: true, render: (row) => row.status },
    ],
    [t, inLanguage, reason, isPending, mutate],
  )
  return (
    <div className="page fill">
      <PageHead title={t('pages.rules')}>
        <FilterText value={url.text} placeholder={t('rule.filterText')} onChange={(text) => setUrl({ text })} />
        <Filter
          label={t('incident.severity')}
          value={url.severity}
          allLabel={t('filter.all')}
          options={severities.map((value) => ({ value, label: <Severity value={value} /> }))}
          onChange={(severity) => setUrl({ severity })}
        />
        <Filter
          label={t('rule.on')}
          single
          value={url.enabled}
          allLabel={t('filter.all')}
          options={[
            { value: 'true', label: t('rule.enabled') },
            { value: 'false', label: t('rule.disabled') },
          ]}
          onChange={(enabled) => setUrl({ enabled })}
        />
        <Filter
          label={t('rule.canFire')}
          single
          value={url.canFire}
          allLabel={t('filter.all')}
          options={[
            { value: 'true', label: t('rule.can') },
            { value: 'false', label: t('rule.cannot') },
          ]}
          onChange={(canFire) => setUrl({ canFire, why: undefined })}
        />
        {url.stopped ? (
          <button
            type="button"
            className="button on"
            title={t('filter.drop')}
            data-testid="drop-stopped"
            onClick={() => setUrl({ stopped: undefined })}
          >
            {t('overview.attention.rules_stopped')} ✕
          </button>
        ) : null}
        {url.canFire === 'false' || url.why ? (
          <Filter
            label={t('rule.why')}
            single
            value={url.why}
            allLabel={t('filter.all')}
            options={cannotFireCodes.map((value) => ({ value, label: t(`rule.cannotReason.${value}`) }))}
            onChange={(why) => setUrl({ why })}
          />
        ) : null}
        <Filter
          label={t('workbench.origin')}
          value={url.origin}
          allLabel={t('filter.all')}
          options={(['shipped', 'own', 'override', 'import'] as const).map((value) => ({
            value,
            label: t(`workbench.origins.${value}`),
          }))}
          onChange={(origin) => setUrl({ origin })}
        />
        <Filter
          label={t('workbench.stage')}
          value={url.stage}
          allLabel={t('filter.all')}
          options={(['live', 'test', 'draft'] as const).map((value) => ({
            value,
            label: t(`workbench.stages.${value}`),
          }))}
          onChange={(stage) => setUrl({ stage })}
        />
        <Bulk filters={filters} total={list.total} />
        <Action testId="open-imports" onClick={() => setUrl({ imports: 'open' }, 'replace')}>
          {t('workbench.import')}
        </Action>
        <Link className="button primary" to="/workbench" data-testid="new-rule">
          {t('workbench.newRule')}
        </Link>
      </PageHead>
      <Split
        id="rules"
        detailLabel={t('pages.rule')}
        onClose={() => setUrl({ id: undefined }, 'replace')}
        fullHref={url.id ? `/rules/${encodeURIComponent(url.id)}` : undefined}
        detail={url.id ? <RuleDetail key={url.id} id={url.id} /> : null}
      >
        <Table
          {...list}
          id="rules"
          label={t('pages.rules')}
          columns={columns}
          rowKey={(row) => row.id}
          activeKey={url.id}
          onOpen={(row) => setUrl({ id: row.id }, 'replace')}
          empty={
            <Empty
              title={t('rule.none')}
              action={
                <Action
                  primary
                  onClick={() =>
                    setUrl({
                      text: undefined,
                      severity: undefined,
                      enabled: undefined,
                      canFire: undefined,
                      why: undefined,
                      stopped: undefined,
                      technique: undefined,
                      origin: undefined,
                      stage: undefined,
                      collection: undefined,
                    })
                  }
                >
                  {t('rule.showAll')}
                </Action>
              }
            />
          }
        />
      </Split>
      {url.imports ? (
        <Suspense fallback={null}>
          <ImportsDialog onClose={() => setUrl({ imports: undefined }, 'replace')} />
        </Suspense>
      ) : null}
    </div>
  )
}
