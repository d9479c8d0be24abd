import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../../api/client.ts'
import { AddressCredit } from '../../ui/AddressCredit.tsx'
import { formatBytes, formatNumber } from '../../ui/format.ts'
import { quoteValue } from '../../ui/query.ts'
import { Value } from '../../ui/Value.tsx'
import { Card } from '../overview/Card.tsx'
import { count, FigureTable, SearchLink, withValues } from './FigureTable.tsx'
import type { IsoSpan } from './span.ts'

type Summary = Schemas['TrafficSummary']
type Name = Summary['breakdowns'][number]['name']

const directions = ['internal', 'outbound', 'inbound', 'external'] as const

/** Totals of the conversations; each leads to them. */
export function Totals({ summary, span }: { summary: Summary; span: IsoSpan }) {
  const { t } = useTranslation()
  const figures = [
    ['flows', formatNumber(summary.flows)],
    ['bytes', formatBytes(summary.bytes)],
    ['packets', formatNumber(summary.packets)],
    ['sources', formatNumber(summary.sources)],
    ['destinations', formatNumber(summary.destinations)],
  ] as const
  return (
    <div className="figures" data-testid="traffic-totals">
      {figures.map(([name, figure]) => (
        <SearchLink key={name} query={summary.query} span={span}>
          <b>{figure}</b>
          <span className="soft">{t(`traffic.${name}`)}</span>
        </SearchLink>
      ))}
    </div>
  )
}

/** Who talks to whom: by direction, unit, protocol, pair, service, country. */
export function Breakdowns({ summary, span, names }: { summary: Summary; span: IsoSpan; names: readonly Name[] }) {
  const { t, i18n } = useTranslation()
  const places = new Intl.DisplayNames(i18n.language, { type: 'region', fallback: 'code' })
  const wordsOf: Record<Name, string[]> = {
    directions: [t('traffic.direction')],
    pairs: [t('traffic.from'), t('traffic.to')],
    units: [t('source.unit'), t('traffic.direction')],
    protocols: [t('traffic.transport'), t('traffic.protocol')],
    services: [t('traffic.server'), t('traffic.port'), t('traffic.transport')],
    countriesTo: [t('traffic.country')],
    countriesFrom: [t('traffic.country')],
  }
  const cell = (field: string, value: string): ReactNode => {
    if (value === '') return <span className="faint">{t('traffic.unknown')}</span>
    const direction = directions.find((name) => name === value)
    return (
      <Value field={field} value={value} className="mono">
        {field === 'network.direction' && direction
          ? t(`traffic.directions.${direction}`)
          : field.endsWith('country_iso_code') && /^[A-Z]{2}$/.test(value)
            ? places.of(value)
            : value}
      </Value>
    )
  }
  const isPlace = names.some((name) => name.startsWith('countries'))
  return (
    <>
      {names.map((name) => {
        const found = summary.breakdowns.find((one) => one.name === name)
        if (!found) return null
        return (
          <Card key={name} size="half" title={t(`traffic.breakdowns.${name}`)}>
            <FigureTable
              words={wordsOf[name]}
              figures={[t('traffic.flows'), t('traffic.bytes')]}
              span={span}
              none={t('traffic.nothing')}
              rows={found.rows
                .filter(({ values }) => !name.startsWith('countries') || values[0] !== '')
                .map(({ values, flows, bytes }) => ({
                  key: values.join(' '),
                  cells: values.map((value, index) => cell(found.fields[index] ?? '', value)),
                  query: withValues(summary.query, found.fields, values),
                  figures: [count(flows), formatBytes(bytes)],
                }))}
            />
          </Card>
        )
      })}
      {isPlace ? <AddressCredit /> : null}
    </>
  )
}

/** Addresses by the bytes they moved. */
export function Talkers({ summary, span }: { summary: Summary; span: IsoSpan }) {
  const { t } = useTranslation()
  return (
    <Card size="half" title={t('traffic.talkers')}>
      <FigureTable
        words={[t('traffic.address')]}
        figures={[t('traffic.flows'), t('traffic.sent'), t('traffic.received')]}
        span={span}
        none={t('traffic.nothing')}
        rows={summary.talkers.map(({ address, flows, sentBytes, receivedBytes }) => ({
          key: address,
          cells: [<Value key="address" field="source.ip" value={address} className="mono" />],
          query: `${summary.query} AND ${ofAddress(address)}`,
          figures: [count(flows), formatBytes(sentBytes), formatBytes(receivedBytes)],
        }))}
      />
    </Card>
  )
}

/** Query: on whichever side of a conversation. */
export function ofAddress(address: string): string {
  const value = quoteValue(address)
  return `(source.ip:${value} OR destination.ip:${value})`
}
