import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { AddressCredit, isSystemField } from '../ui/AddressCredit.tsx'
import { formatTime, formatUtc, toMs, zoneName } from '../ui/time.ts'
import { Value } from '../ui/Value.tsx'
import { Marked } from './Marked.tsx'

interface FieldsTableProps {
  fields: Record<string, unknown>
  matched?: { part: string; field: string; value: string }[]
  needles?: string[]
}

/** Every field of an event; those that matched a rule stand out and name the part of the rule. */
export function FieldsTable({ fields, matched = [], needles = [] }: FieldsTableProps) {
  const { t } = useTranslation()
  const [filter, setFilter] = useState('')
  const wanted = filter.trim().toLowerCase()
  const names = Object.keys(fields)
    .filter(
      (name) => !wanted || name.toLowerCase().includes(wanted) || plain(fields[name]).toLowerCase().includes(wanted),
    )
    .sort(byImportance)
  return (
    <div className="column" style={{ gap: 6 }}>
      <input
        className="input small"
        type="search"
        value={filter}
        placeholder={t('event.filterFields')}
        aria-label={t('event.filterFields')}
        onChange={(event) => setFilter(event.target.value)}
      />
      <table className="fields" data-testid="fields">
        <tbody>
          {names.map((name) => {
            const parts = [...new Set(matched.filter(({ field }) => field === name).map(({ part }) => part))]
            return (
              <tr key={name} className={parts.length > 0 ? 'matched' : undefined}>
                <td>
                  {name}
                  {parts.map((part) => (
                    <span key={part} className="chip warn" title={t('event.matchedPart')} style={{ marginLeft: 6 }}>
                      {part}
                    </span>
                  ))}
                </td>
                <td>
                  <FieldValue name={name} value={fields[name]} needles={parts.length > 0 ? needles : []} />
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
      {names.some(isSystemField) ? <AddressCredit /> : null}
    </div>
  )
}

function FieldValue({ name, value, needles }: { name: string; value: unknown; needles: string[] }) {
  if (value === null || value === undefined) return <span className="faint">null</span>
  const list = Array.isArray(value) ? value : [value]
  return list.map((item, index) => {
    const text = plain(item)
    const timeMs = isTimeField(name) && typeof item === 'string' ? toMs(item) : undefined
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: the values of one field never move
      <span key={index}>
        {index > 0 ? <span className="faint">, </span> : null}
        <Value field={name} value={text} focusable>
          {timeMs === undefined ? (
            <Marked text={text} needles={needles} />
          ) : (
            <span title={formatUtc(timeMs)}>{`${formatTime(timeMs, true)} ${zoneName(timeMs)}`}</span>
          )}
        </Value>
      </span>
    )
  })
}

const first = [
  '@timestamp',
  'event.category',
  'event.action',
  'event.outcome',
  'host.name',
  'user.name',
  'source.ip',
  'destination.ip',
  'message',
]

function byImportance(a: string, b: string): number {
  const left = first.indexOf(a)
  const right = first.indexOf(b)
  if (left >= 0 || right >= 0) return (left < 0 ? 99 : left) - (right < 0 ? 99 : right)
  return a < b ? -1 : 1
}

const isTimeField = (name: string) => name === '@timestamp' || /\.(created|ingested|start|end)$/.test(name)

function plain(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}
