import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import type { Column } from '../../table/columns.ts'
import { Table } from '../../table/Table.tsx'
import { formatBytes } from '../../ui/format.ts'
import { Empty } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { Value } from '../../ui/Value.tsx'
import type { IsoSpan } from './span.ts'

type EventDocument = Schemas['EventDocument']

const columns = [
  'file.name',
  'file.path',
  'file.size',
  'file.mime_type',
  'file.hash.sha256',
  'file.hash.md5',
  'traffic.file.yara',
  'traffic.file.verdict',
  'traffic.file.signature',
  'network.protocol',
  'source.ip',
  'destination.ip',
]
const fileRecords =
  '(event.dataset:file OR event.dataset:file_verdict OR event.dataset:zeek.files OR event.dataset:suricata.fileinfo)'

/** Files that travelled: type, hashes, and what rules and scanners say of them. */
export function Files({ query, span }: { query: string; span: IsoSpan }) {
  const { t } = useTranslation()
  const own = query === '' ? fileRecords : `${fileRecords} AND (${query})`
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['traffic', 'files', own, span],
    queryFn: ({ signal }) =>
      answer(api.POST('/api/v1/search', { body: { query: own, ...span, limit: 500, columns }, signal })),
    staleTime: Number.POSITIVE_INFINITY,
  })
  const shown = useMemo<Column<EventDocument>[]>(() => {
    const value = (field: string) => (row: EventDocument) => {
      const text = textOf(row[field])
      return text === '' ? <span className="faint">—</span> : <Value field={field} value={text} className="mono" />
    }
    return [
      {
        key: 'time',
        title: t('search.time'),
        width: 160,
        render: (row) => (
          <Link to={`/events/${encodeURIComponent(row['event.id'])}` as '/'}>
            <Time value={row['@timestamp']} />
          </Link>
        ),
      },
      { key: 'name', title: t('traffic.file.name'), width: 180, grow: true, render: value('file.name') },
      { key: 'type', title: t('traffic.file.type'), width: 160, render: value('file.mime_type') },
      {
        key: 'size',
        title: t('traffic.file.size'),
        width: 84,
        align: 'right',
        render: (row) => (row['file.size'] === undefined ? '—' : formatBytes(Number(row['file.size']))),
      },
      {
        key: 'verdict',
        title: t('traffic.file.verdict'),
        width: 170,
        render: (row) => {
          const names = ['traffic.file.yara', 'traffic.file.signature', 'traffic.file.verdict']
          const field = names.find((name) => textOf(row[name]) !== '')
          if (field === undefined) return <span className="faint">{t('traffic.file.noVerdict')}</span>
          const text = textOf(row[field])
          return (
            <Value field={field} value={text} className={text === 'clean' ? 'good' : 'bad'}>
              {text}
            </Value>
          )
        },
      },
      { key: 'sha256', title: 'SHA-256', width: 180, render: value('file.hash.sha256') },
      { key: 'md5', title: 'MD5', width: 150, hidden: true, render: value('file.hash.md5') },
      { key: 'protocol', minor: true, title: t('traffic.protocol'), width: 84, render: value('network.protocol') },
      { key: 'from', minor: true, title: t('traffic.from'), width: 130, render: value('source.ip') },
      { key: 'to', minor: true, title: t('traffic.to'), width: 130, render: value('destination.ip') },
    ]
  }, [t])
  return (
    <Table
      id="traffic-files"
      label={t('traffic.tabs.files')}
      columns={shown}
      rows={data?.items}
      total={data?.total}
      loading={isPending}
      error={error ?? undefined}
      onRetry={() => void refetch()}
      rowKey={(row) => row['event.id']}
      empty={<Empty title={t('traffic.file.none')}>{t('traffic.file.noneHint')}</Empty>}
    />
  )
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return ''
  return Array.isArray(value) ? value.join(', ') : String(value)
}
