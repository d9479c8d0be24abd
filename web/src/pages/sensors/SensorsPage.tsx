import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useList } from '../../api/lists.ts'
import type { Column } from '../../table/columns.ts'
import { Table } from '../../table/Table.tsx'
import { formatBytes, formatNumber, formatShare } from '../../ui/format.ts'
import { PageHead } from '../../ui/PageHead.tsx'
import { clause } from '../../ui/query.ts'
import { Empty } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'

type Sensor = Schemas['Sensor']

/** Sensors on the wire: whether they report, how much they see, and what they lose. */
export default function SensorsPage() {
  const { t } = useTranslation()
  const list = useList<Sensor>(['sensors'], (after) =>
    answer(api.GET('/api/v1/sensors', { params: { query: { after, limit: 200 } } })),
  )
  const units = useQuery({ queryKey: ['units'], queryFn: () => answer(api.GET('/api/v1/units')), staleTime: 60_000 })
  const unitName = useMemo(() => new Map(units.data?.items.map(({ path, name }) => [path, name])), [units.data])
  const columns = useMemo<Column<Sensor>[]>(
    () => [
      {
        key: 'state',
        title: t('source.state'),
        width: 96,
        render: (row) =>
          row.isSilent ? (
            <span className="bad">○ {t('sensor.silent')}</span>
          ) : (
            <span className="good">● {t('sensor.reporting')}</span>
          ),
      },
      {
        key: 'name',
        title: t('sensor.name'),
        width: 180,
        grow: true,
        render: (row) => (
          <span className="strong" title={row.sourceKey}>
            {row.name}
          </span>
        ),
      },
      {
        key: 'unit',
        title: t('source.unit'),
        width: 140,
        render: (row) => unitName.get(row.unitPath) ?? row.unitPath,
      },
      {
        key: 'interface',
        minor: true,
        title: t('sensor.interface'),
        width: 100,
        render: (row) => (
          <span className="mono" title={row.filter ?? undefined}>
            {row.interface ?? '—'}
          </span>
        ),
      },
      {
        key: 'rate',
        title: t('sensor.rate'),
        width: 110,
        align: 'right',
        render: (row) => <span className="number">{formatBits(row.bytesPerSecond * 8)}</span>,
      },
      {
        key: 'packets',
        title: t('sensor.packetRate'),
        width: 96,
        align: 'right',
        render: (row) => <span className="number">{formatNumber(row.packetsPerSecond)}</span>,
      },
      {
        key: 'loss',
        title: t('sensor.loss'),
        width: 130,
        align: 'right',
        render: (row) => (
          <span className={`number ${row.lostPackets > 0 ? 'warn' : ''}`} title={t('sensor.lossHint')}>
            {formatNumber(row.lostPackets)} ({formatShare(row.lostPackets / Math.max(1, row.lostPackets + row.packets))}
            )
          </span>
        ),
      },
      {
        key: 'flows',
        minor: true,
        title: t('sensor.flows'),
        width: 150,
        align: 'right',
        render: (row) => <span className="number">{formatNumber(row.openFlows)}</span>,
      },
      {
        key: 'ring',
        minor: true,
        title: t('sensor.ring'),
        width: 150,
        align: 'right',
        render: (row) =>
          row.ring ? (
            <span className="number">
              {formatBytes(row.ring.bytes)} / {formatBytes(row.ring.limitBytes)}
            </span>
          ) : (
            <span className="faint">{t('sensor.noRing')}</span>
          ),
      },
      { key: 'version', minor: true, title: t('sensor.version'), width: 84, render: (row) => row.version },
      {
        key: 'last',
        title: t('sensor.lastSeen'),
        width: 130,
        render: (row) => <Time value={row.lastReportAt} as="ago" />,
      },
      {
        key: 'events',
        title: '',
        width: 90,
        render: (row) => (
          <Link to="/search" search={{ query: clause('source.key', row.sourceKey), from: 'now-24h' } as never}>
            {t('sensor.events')}
          </Link>
        ),
      },
    ],
    [t, unitName],
  )
  return (
    <div className="page fill" data-testid="sensors-page">
      <PageHead title={t('pages.sensors')}>
        <Link className="button" to="/traffic">
          {t('pages.traffic')}
        </Link>
      </PageHead>
      <Table
        {...list}
        id="sensors"
        label={t('pages.sensors')}
        columns={columns}
        rowKey={(row) => row.id}
        empty={
          <Empty
            title={t('sensor.none')}
            action={
              <Link className="button primary" to="/tokens">
                {t('pages.tokens')}
              </Link>
            }
          >
            <span style={{ display: 'block', textAlign: 'left' }}>
              {t('sensor.noneHint')}
              <code style={{ display: 'block', marginTop: 8 }}>
                watchfire sensor --interface eth0 --url {location.origin} --token-file token
              </code>
            </span>
          </Empty>
        }
      />
    </div>
  )
}

/** Bits per second as networks are spoken of: decimal. */
function formatBits(perSecond: number): string {
  const units = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']
  const step = perSecond < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(perSecond) / 3))
  return `${formatNumber(perSecond / 1000 ** step, step === 0 ? 0 : 1)} ${units[step]}`
}
