import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useList } from '../../api/lists.ts'
import { Needs } from '../../api/session.tsx'
import type { Column } from '../../table/columns.ts'
import { Table } from '../../table/Table.tsx'
import { Empty } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { zoneName } from '../../ui/time.ts'
import { useUrl } from '../../ui/useUrl.ts'
import { EventPanel } from '../search/EventPanel.tsx'

type EventDocument = Schemas['EventDocument']

/** The events the detections stand on, oldest first; one click down to the bytes. */
export function IncidentEvidence({ id }: { id: number }) {
  return (
    <Needs permission="event:read">
      <Evidence id={id} />
    </Needs>
  )
}

function Evidence({ id }: { id: number }) {
  const { t } = useTranslation()
  const [url, setUrl] = useUrl()
  const list = useList<EventDocument>(['incidents', 'events', id], (after) =>
    answer(api.GET('/api/v1/incidents/{id}/events', { params: { path: { id }, query: { after, limit: 200 } } })),
  )
  const columns = useMemo<Column<EventDocument>[]>(
    () => [
      {
        key: '@timestamp',
        title: `${t('search.time')} (${zoneName()})`,
        width: 130,
        render: (row) => <Time value={row['@timestamp']} />,
      },
      {
        key: 'host',
        title: t('entity.host'),
        width: 110,
        render: (row) => String(row['host.name'] ?? row['source.ip'] ?? '—'),
      },
      {
        key: 'message',
        title: t('event.message'),
        width: 260,
        grow: true,
        render: (row) => (
          <span className="mono">{String(row.message ?? row['event.action'] ?? JSON.stringify(row))}</span>
        ),
      },
    ],
    [t],
  )
  const active = list.rows?.find((row) => row['event.id'] === url.event)
  return (
    <>
      <div style={{ height: url.event ? 220 : 'auto', maxHeight: 520, minHeight: 160, display: 'flex' }}>
        <Table
          {...list}
          id="evidence"
          ownExport
          label={t('incident.tab.evidence')}
          keyboard={false}
          chooser={false}
          columns={columns}
          rowKey={(row) => row['event.id']}
          activeKey={url.event}
          onOpen={(row) => setUrl({ event: row['event.id'] }, 'replace')}
          empty={<Empty title={t('incident.noEvidence')}>{t('incident.noEvidenceHint')}</Empty>}
        />
      </div>
      {url.event ? (
        <div className="card" style={{ minHeight: 320 }}>
          <EventPanel key={url.event} id={url.event} at={active?.['@timestamp']} full />
        </div>
      ) : list.rows && list.rows.length > 0 ? (
        <p className="faint small">{t('incident.openEvidence')}</p>
      ) : null}
    </>
  )
}
