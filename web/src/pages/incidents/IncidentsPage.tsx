import { DownloadOutlined } from '@ant-design/icons'
import { useEffect, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { exportUrl } from '../../api/download.ts'
import { useList } from '../../api/lists.ts'
import type { operations } from '../../api/schema.d.ts'
import { useCan } from '../../api/session.tsx'
import { useSay } from '../../i18n/useSay.ts'
import { type Column, formatSort, parseSort } from '../../table/columns.ts'
import { Table } from '../../table/Table.tsx'
import { Action } from '../../ui/Action.tsx'
import { countedStages } from '../../ui/attack.ts'
import { DropFilters } from '../../ui/DropFilters.tsx'
import { fieldOfEntity } from '../../ui/entity.ts'
import { Filter, FilterText } from '../../ui/Filter.tsx'
import { formatNumber } from '../../ui/format.ts'
import { PageHead } from '../../ui/PageHead.tsx'
import { MenuButton } from '../../ui/Popup.tsx'
import { Severity, severities } from '../../ui/Severity.tsx'
import { Split } from '../../ui/Split.tsx'
import { Stage } from '../../ui/Stage.tsx'
import { Empty } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { listRange, TimePicker } from '../../ui/TimePicker.tsx'
import { resolveTime, zoneName } from '../../ui/time.ts'
import { useUrl } from '../../ui/useUrl.ts'
import { Value } from '../../ui/Value.tsx'
import { AssignButton } from './AssignButton.tsx'
import { CloseDialog } from './CloseDialog.tsx'
import { IncidentDetail } from './IncidentDetail.tsx'
import { type Bulk, useIncidentActions, versionsOf } from './useIncidentActions.ts'
import { Status, statuses } from './words.tsx'

type Incident = Schemas['Incident']
type SortName = NonNullable<NonNullable<operations['listIncidents']['parameters']['query']>['sort']>

const openStatuses = 'new,in_progress,on_hold'

export default function IncidentsPage() {
  const { t } = useTranslation()
  const [url, setUrl] = useUrl()
  const can = useCan()
  const say = useSay()
  const writeReason = can('incident:write')
  const status = url.status ?? openStatuses
  const range = { from: url.from ?? 'all', to: url.to ?? 'now' }
  const sort = (url.sort ?? '-score') as SortName
  // The words of the address; resolved to times only when asked, so that the key stays the same while time passes.
  const filters = {
    status: status === 'all' ? undefined : status,
    severity: url.severity,
    assignee: url.assignee,
    rule: url.rule,
    entity: url.entity,
    text: url.text,
    sort,
  }
  const since = { opened: url.opened, closed: url.closed }
  const list = useList<Incident>(['incidents', filters, range.from, range.to, since], (after) =>
    answer(
      api.GET('/api/v1/incidents', {
        params: { query: { ...filters, ...listRange(range), ...sinceTimes(since), after, limit: 100 } as never },
      }),
    ),
  )
  const [selected, setSelected] = useState<Set<string>>(new Set())
  const [closing, setClosing] = useState<Pick<Bulk, 'ids' | 'versions'> | null>(null)
  const { change, busy } = useIncidentActions(() => {
    setSelected(new Set())
    setClosing(null)
  })
  const fresh = useFresh(list.rows)

  const columns = useMemo<Column<Incident>[]>(
    () => [
      {
        key: 'severity',
        title: t('incident.severity'),
        width: 100,
        sortKey: 'severity',
        render: (row) => <Severity value={row.severity} />,
      },
      {
        key: 'score',
        minor: true,
        title: t('incident.score'),
        width: 70,
        align: 'right',
        sortKey: 'score',
        render: (row) => <b className="number">{formatNumber(row.score)}</b>,
      },
      {
        key: 'id',
        minor: true,
        title: t('incident.id'),
        width: 52,
        render: (row) => <span className="faint number">#{row.id}</span>,
      },
      {
        key: 'title',
        title: t('incident.name'),
        width: 262,
        grow: true,
        render: (row) => (
          <span className="strong" title={say(row.title)}>
            {say(row.title)}
          </span>
        ),
      },
      {
        key: 'entities',
        minor: true,
        title: t('incident.entities'),
        width: 132,
        render: (row) =>
          row.entities.slice(0, 3).map((entity, index) => (
            <span key={`${entity.type}${entity.value}`}>
              {index > 0 ? <span className="faint"> · </span> : null}
              <Value field={fieldOfEntity[entity.type]} value={entity.value} className="mono" />
            </span>
          )),
      },
      {
        key: 'stage',
        minor: true,
        title: t('incident.stage'),
        width: 116,
        render: (row) => <Stage tactics={row.tactics} counted={countedStages(row.scoreParts)} />,
      },
      {
        key: 'detectionCount',
        minor: true,
        title: t('incident.detections'),
        width: 88,
        align: 'right',
        render: (row) => <span className="number">{formatNumber(row.detectionCount)}</span>,
      },
      { key: 'status', title: t('incident.statusName'), width: 116, render: (row) => <Status value={row.status} /> },
      {
        key: 'assignee',
        minor: true,
        title: t('incident.assignee'),
        width: 84,
        render: (row) => row.assigneeName ?? <span className="faint">{t('incident.nobody')}</span>,
      },
      {
        key: 'lastSeenAt',
        minor: true,
        title: `${t('incident.lastSeen')} (${zoneName()})`,
        width: 148,
        sortKey: 'lastSeenAt',
        render: (row) => <Time value={row.lastSeenAt} />,
      },
      {
        key: 'createdAt',
        title: t('incident.created'),
        width: 132,
        sortKey: 'openedAt',
        hidden: true,
        render: (row) => <Time value={row.openedAt} />,
      },
      {
        key: 'closeReason',
        title: t('incident.reason'),
        width: 100,
        hidden: true,
        render: (row) => (row.closeReason ? t(`incident.closeReason.${row.closeReason}`) : '—'),
      },
    ],
    [t, say],
  )
  const ids = [...selected].map(Number)
  const versions = versionsOf((list.rows ?? []).filter(({ id }) => selected.has(String(id))))
  const activeIndex = list.rows?.findIndex(({ id }) => String(id) === url.id) ?? -1
  const openNext = () => {
    const next = list.rows?.[activeIndex + 1] ?? list.rows?.[activeIndex - 1]
    setUrl({ id: next && String(next.id) !== url.id ? String(next.id) : undefined }, 'replace')
  }
  const exportReason = can('event:export')
  const exportLink = (format: string) =>
    exportUrl('/api/v1/incidents/export', { ...filters, ...listRange(range), ...sinceTimes(since), format })

  return (
    <div className="page fill">
      <PageHead title={t('pages.incidents')}>
        <div className="filters">
          <FilterText value={url.text} placeholder={t('incident.filterText')} onChange={(text) => setUrl({ text })} />
          <Filter
            label={t('incident.statusName')}
            testId="filter-status"
            value={status === 'all' ? undefined : status}
            allLabel={t('filter.all')}
            options={statuses.map((value) => ({ value, label: t(`incident.status.${value}`) }))}
            onChange={(value) => setUrl({ status: value ?? 'all' })}
          />
          <Filter
            label={t('incident.severity')}
            testId="filter-severity"
            value={url.severity}
            allLabel={t('filter.all')}
            options={severities.map((value) => ({ value, label: <Severity value={value} /> }))}
            onChange={(severity) => setUrl({ severity })}
          />
          <Filter
            label={t('incident.assignee')}
            testId="filter-assignee"
            single
            value={url.assignee}
            allLabel={t('filter.anyone')}
            options={[
              { value: 'me', label: t('incident.mine') },
              { value: 'none', label: t('incident.nobody') },
            ]}
            onChange={(assignee) => setUrl({ assignee })}
          />
          <TimePicker
            value={range}
            anyTime
            onChange={({ from, to }) =>
              setUrl({ from: from === 'all' ? undefined : from, to: to === 'now' ? undefined : to })
            }
          />
          <DropFilters names={['entity', 'rule', 'opened', 'closed']} />
        </div>
      </PageHead>
      <Split
        id="incidents"
        detailLabel={t('pages.incident')}
        onClose={() => setUrl({ id: undefined, tab: undefined, event: undefined }, 'replace')}
        fullHref={url.id ? `/incidents/${url.id}` : undefined}
        detail={url.id ? <IncidentDetail key={url.id} id={Number(url.id)} onClosed={openNext} /> : null}
      >
        <Table
          {...list}
          id="incidents"
          ownExport
          label={t('pages.incidents')}
          columns={columns}
          rowKey={(row) => String(row.id)}
          fresh={fresh}
          selected={selected}
          onSelect={setSelected}
          activeKey={url.id}
          onOpen={(row) => setUrl({ id: String(row.id), event: undefined }, 'replace')}
          sort={parseSort(sort)}
          onSort={(next) => setUrl({ sort: formatSort(next) })}
          tools={
            ids.length > 0 ? (
              <>
                <span className="strong number" data-testid="selected-count">
                  {t('table.selected', { number: formatNumber(ids.length) })}
                </span>
                <AssignButton
                  reason={writeReason}
                  onAssign={(assigneeId) => change({ ids, versions, action: 'assign', assigneeId })}
                />
                <Action
                  reason={writeReason}
                  busy={busy}
                  onClick={() => change({ ids, versions, action: 'status', status: 'in_progress' })}
                  testId="bulk-progress"
                >
                  {t('incident.start')}
                </Action>
                <Action
                  reason={writeReason}
                  busy={busy}
                  onClick={() => setClosing({ ids, versions })}
                  testId="bulk-close"
                >
                  {t('incident.closeMany')}
                </Action>
                <Action reason={writeReason} busy={busy} onClick={() => change({ ids, versions, action: 'reopen' })}>
                  {t('incident.reopen')}
                </Action>
                <button type="button" className="tool" onClick={() => setSelected(new Set())}>
                  {t('actions.clear')}
                </button>
              </>
            ) : (
              <span className="faint small">{t('incident.tableHint')}</span>
            )
          }
          endTools={
            <MenuButton
              label={t('actions.export')}
              testId="export"
              items={(['csv', 'ndjson'] as const).map((format) => ({
                key: format,
                label: t(`export.${format}`),
                href: exportReason === undefined ? exportLink(format) : undefined,
                disabled: exportReason,
                testId: `export-${format}`,
              }))}
            >
              <DownloadOutlined /> {t('actions.export')}
            </MenuButton>
          }
          empty={
            <Empty
              title={
                status === openStatuses && !url.severity && !url.text && !url.assignee
                  ? t('incident.noneOpen')
                  : t('incident.noneFound')
              }
              action={
                <Action
                  primary
                  onClick={() =>
                    setUrl({
                      status: 'all',
                      severity: undefined,
                      text: undefined,
                      assignee: undefined,
                      entity: undefined,
                      rule: undefined,
                      opened: undefined,
                      closed: undefined,
                      from: undefined,
                      to: undefined,
                    })
                  }
                >
                  {t('incident.showAll')}
                </Action>
              }
            >
              {t('incident.emptyHint')}
            </Empty>
          }
        />
      </Split>
      {closing ? (
        <CloseDialog
          count={closing.ids.length}
          busy={busy}
          onCancel={() => setClosing(null)}
          onClose={(reason, note, duplicateOf) => change({ ...closing, action: 'close', reason, note, duplicateOf })}
        />
      ) : null}
    </div>
  )
}

/** Opened or closed since a time of the address, such as `now-24h`. */
function sinceTimes({ opened, closed }: { opened?: string; closed?: string }): {
  openedFrom?: string
  closedFrom?: string
} {
  const at = (text: string | undefined) => {
    const timeMs = text === undefined ? undefined : resolveTime(text, Date.now())
    return timeMs === undefined ? undefined : new Date(timeMs).toISOString()
  }
  return { openedFrom: at(opened), closedFrom: at(closed) }
}

/** Rows that were not there when the list was last shown: they arrived while looking. */
function useFresh(rows: Incident[] | undefined): ReadonlySet<string> {
  const [seen, setSeen] = useState<Set<number> | null>(null)
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set())
  useEffect(() => {
    if (!rows) return
    setSeen((before) => {
      if (before) {
        let newest = 0
        for (const id of before) newest = Math.max(newest, id)
        setFresh(new Set(rows.filter(({ id }) => id > newest).map(({ id }) => String(id))))
      }
      return new Set([...(before ?? []), ...rows.map(({ id }) => id)])
    })
  }, [rows])
  return seen ? fresh : new Set()
}
