import { ClockCircleOutlined } from '@ant-design/icons'
import { lazy, Suspense, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Popup } from './Popup.tsx'
import { Skeleton } from './States.tsx'
import { formatTime, formatUtc, resolveRange, type TimeRange, toMs, zoneName } from './time.ts'
import type { Search } from './useUrl.ts'

const AbsoluteRange = lazy(() => import('./AbsoluteRange.tsx'))

/** What a list is asked for: ISO times, nothing when any time is meant. */
export function listRange(range: TimeRange): { from?: string; to?: string } {
  if (range.from === 'all') return {}
  const { fromMs, toMs: untilMs } = resolveRange(range, Date.now())
  return { from: new Date(fromMs).toISOString(), to: range.to === 'now' ? undefined : new Date(untilMs).toISOString() }
}

const quickRanges = ['15m', '1h', '4h', '24h', '7d', '30d', '180d'] as const

/** The range a link carries; the last 24 hours when it carries none. */
export function rangeOf(search: Search, fallback = 'now-24h'): TimeRange {
  return { from: search.from ?? fallback, to: search.to ?? 'now' }
}

/** The one time picker: quick ranges, today, from - to. What it shows is local time, with the zone named; hover shows UTC. */
export function TimePicker({
  value,
  onChange,
  anyTime = false,
}: {
  value: TimeRange
  onChange(range: TimeRange): void
  anyTime?: boolean
}) {
  const { t } = useTranslation()
  const [at, setAt] = useState<DOMRect | null>(null)
  const [close] = useState(() => () => setAt(null))
  const span = resolveRange(value, Date.now())
  const choose = (range: TimeRange) => {
    close()
    onChange(range)
  }
  return (
    <>
      <button
        type="button"
        className="button"
        data-testid="time-picker"
        aria-haspopup="dialog"
        title={value.from === 'all' ? t('time.any') : `${formatUtc(span.fromMs)} — ${formatUtc(span.toMs)}`}
        onClick={(event) => setAt(event.currentTarget.getBoundingClientRect())}
      >
        <ClockCircleOutlined aria-hidden="true" />
        <span className="number">{label()}</span>
        <span className="faint small">{zoneName()}</span>
      </button>
      {at ? (
        <Popup
          at={{ left: at.left, top: at.top, bottom: at.bottom, right: at.right }}
          role="dialog"
          label={t('time.range')}
          onClose={close}
          className="time-popup"
        >
          <div className="head">{t('time.quick')}</div>
          <div className="quick-ranges">
            {quickRanges.map((range) => (
              <button
                key={range}
                type="button"
                className={`item ${value.from === `now-${range}` && value.to === 'now' ? 'active' : ''}`}
                data-testid={`range-${range}`}
                onClick={() => choose({ from: `now-${range}`, to: 'now' })}
              >
                {t(`time.last.${range}`)}
              </button>
            ))}
            {anyTime ? (
              <button
                type="button"
                className={`item ${value.from === 'all' ? 'active' : ''}`}
                onClick={() => choose({ from: 'all', to: 'now' })}
              >
                {t('time.any')}
              </button>
            ) : null}
            <button
              type="button"
              className={`item ${value.from === 'now/d' ? 'active' : ''}`}
              onClick={() => choose({ from: 'now/d', to: 'now' })}
            >
              {t('time.today')}
            </button>
          </div>
          <div className="head">
            {t('time.absolute')} · {zoneName()}
          </div>
          <Suspense fallback={<Skeleton rows={2} />}>
            <AbsoluteRange
              span={span}
              onChoose={(fromMs, untilMs) =>
                choose({ from: new Date(fromMs).toISOString(), to: new Date(untilMs).toISOString() })
              }
            />
          </Suspense>
        </Popup>
      ) : null}
    </>
  )

  function label(): string {
    const quick = quickRanges.find((range) => value.from === `now-${range}` && value.to === 'now')
    if (quick) return t(`time.last.${quick}`)
    if (value.from === 'all') return t('time.any')
    if (value.from === 'now/d' && value.to === 'now') return t('time.today')
    const end = value.to === 'now' ? t('time.now') : formatTime(toMs(value.to) ?? span.toMs)
    return `${formatTime(span.fromMs)} — ${end}`
  }
}
