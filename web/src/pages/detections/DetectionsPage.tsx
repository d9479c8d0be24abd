import { DownloadOutlined } from '@ant-design/icons'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { exportUrl } from '../../api/download.ts'
import { useList } from '../../api/lists.ts'
import { useCan } from '../../api/session.tsx'
import { useSummary } from '../../api/useSummary.ts'
import { useInLanguage } from '../../i18n/useInLanguage.ts'
import type { Column } from '../../table/columns.ts'
import { Table } from '../../table/Table.tsx'
import { Action } from '../../ui/Action.tsx'
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
import { listRange, rangeOf, TimePicker } from '../../ui/TimePicker.tsx'
import { zoneName } from '../../ui/time.ts'
import { useUrl } from '../../ui/useUrl.ts'
import { Value } from '../../ui/Value.tsx'
import { RuleLink } from '../incidents/IncidentSummary.tsx'
import { DetectionDetail } from './DetectionDetail.tsx'

type Detection = Schemas['Detection']

const detectors = ['sigma', 'correlation', 'intel', 'model', 'analytic'] as const

export default function DetectionsPage() {
  const { t } = useTranslation()
  const [url, setUrl] = useUrl()
  const can = useCan()
  const summaryOf = useSummary()
  const inLanguage = useInLanguage()
  const range = rangeOf(url, 'now-7d')
  const filters = {
    severity: url.severity,
    detector: url.detector,
    rule: url.rule,
    entity: url.entity,
    text: url.text,
    suppressed: url.suppressed,
    exception: url.exception,
  }
  const list = useList<Detection>(['detections', filters, range.from, range.to], (after) =>
    answer(
      api.GET('/api/v1/detections', {
        params: { query: { ...filters, ...listRange(range), after, limit: 100 } as never },
      }),
    ),
  )
  const columns = useMemo<Column<Detection>[]>(
    () => [
      {
        key: 'at',
        title: `${t('detection.at')} (${zoneName()})`,
        width: 132,
        render: (row) => <Time value={row.lastSeenAt} />,
      },
      {
        key: 'severity',
        title: t('incident.severity'),
        width: 100,
        render: (row) => <Severity value={row.severity} />,
      },
      {
        key: 'summary',
        title: t('detection.summary'),
        width: 270,
        grow: true,
        render: (row) => <span className="strong">{summaryOf(row)}</span>,
      },
      {
        key: 'rule',
        minor: true,
        title: t('detection.rule'),
        width: 172,
        render: (row) => <RuleLink id={row.ruleId} title={inLanguage(row.ruleTitle, row.ruleTitleZh)} />,
      },
      {
        key: 'detector',
        title: t('detection.detector'),
        width: 84,
        hidden: true,
        render: (row) => t(`detector.${row.detector}`),
      },
      {
        key: 'stage',
        minor: true,
        title: t('rule.stage'),
        width: 112,
        render: (row) => <Stage tactics={row.tactics} />,
      },
      {
        key: 'entities',
        minor: true,
        title: t('incident.entities'),
        width: 150,
        render: (row) =>
          row.entities.slice(0, 2).map((entity, index) => (
            <span key={`${entity.type}${entity.value}`}>
              {index > 0 ? <span className="faint"> · </span> : null}
              <Value field={fieldOfEntity[entity.type]} value={entity.value} className="mono" />
            </span>
          )),
      },
      {
        key: 'source',
        minor: true,
        title: t('detection.source'),
        width: 112,
        render: (row) => <span className="mono">{row.sourceKey}</span>,
      },
      {
        key: 'count',
        minor: true,
        title: t('detection.count'),
        width: 60,
        align: 'right',
        render: (row) => <span className="number">{formatNumber(row.matchCount)}</span>,
      },
      {
        key: 'incident',
        minor: true,
        title: t('detection.incident'),
        width: 76,
        render: (row) =>
          row.incidentId !== null ? (
            <Link to={`/incidents/${row.incidentId}` as '/'}>#{row.incidentId}</Link>
          ) : row.suppressedBy !== null ? (
            <Link to="/exceptions" search={{ id: String(row.suppressedBy) } as never} className="faint">
              {t('detection.suppressed')}
            </Link>
          ) : (
            <span className="faint">—</span>
          ),
      },
    ],
    [t, summaryOf, inLanguage],
  )
  const exportReason = can('event:export')
  return (
    <div className="page fill">
      <PageHead title={t('pages.detections')}>
        <div className="filters">
          <FilterText value={url.text} placeholder={t('detection.filterText')} onChange={(text) => setUrl({ text })} />
          <Filter
            label={t('incident.severity')}
            testId="filter-severity"
            value={url.severity}
            allLabel={t('filter.all')}
            options={severities.map((value) => ({ value, label: <Severity value={value} /> }))}
            onChange={(severity) => setUrl({ severity })}
          />
          <Filter
            label={t('detection.detector')}
            value={url.detector}
            allLabel={t('filter.all')}
            options={detectors.map((value) => ({ value, label: t(`detector.${value}`) }))}
            onChange={(detector) => setUrl({ detector })}
          />
          <Filter
            label={t('detection.suppressedName')}
            single
            value={url.suppressed}
            allLabel={t('filter.all')}
            options={[
              { value: 'false', label: t('detection.notSuppressed') },
              { value: 'true', label: t('detection.suppressed') },
            ]}
            onChange={(suppressed) => setUrl({ suppressed })}
          />
          <TimePicker
            value={range}
            anyTime
            onChange={({ from, to }) => setUrl({ from, to: to === 'now' ? undefined : to })}
          />
          <DropFilters names={['entity', 'rule', 'exception']} />
        </div>
      </PageHead>
      <Split
        id="detections"
        detailLabel={t('pages.detection')}
        onClose={() => setUrl({ id: undefined }, 'replace')}
        fullHref={url.id ? `/detections/${encodeURIComponent(url.id)}` : undefined}
        detail={url.id ? <DetectionDetail key={url.id} id={url.id} /> : null}
      >
        <Table
          {...list}
          id="detections"
          ownExport
          label={t('pages.detections')}
          columns={columns}
          rowKey={(row) => row.id}
          activeKey={url.id}
          onOpen={(row) => setUrl({ id: row.id }, 'replace')}
          endTools={
            <MenuButton
              label={t('actions.export')}
              testId="export"
              items={(['csv', 'ndjson'] as const).map((format) => ({
                key: format,
                label: t(`export.${format}`),
                disabled: exportReason,
                href:
                  exportReason === undefined
                    ? exportUrl('/api/v1/detections/export', { ...filters, ...listRange(range), format })
                    : undefined,
                testId: `export-${format}`,
              }))}
            >
              <DownloadOutlined /> {t('actions.export')}
            </MenuButton>
          }
          empty={
            <Empty
              title={t('detection.none')}
              action={
                <Action
                  primary
                  onClick={() =>
                    setUrl({
                      from: 'all',
                      severity: undefined,
                      detector: undefined,
                      text: undefined,
                      rule: undefined,
                      entity: undefined,
                      suppressed: undefined,
                      exception: undefined,
                    })
                  }
                >
                  {t('detection.showAll')}
                </Action>
              }
            >
              {t('detection.noneHint')}
            </Empty>
          }
        />
      </Split>
    </div>
  )
}
