import { Button, DatePicker } from 'antd'
import dayjs from 'dayjs'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Span } from './time.ts'

/** From - to with seconds; its own chunk, since the calendar is heavy and seldom opened. */
export default function AbsoluteRange({
  span,
  onChoose,
}: {
  span: Span
  onChoose(fromMs: number, toMs: number): void
}) {
  const { t } = useTranslation()
  const [from, setFrom] = useState(dayjs(span.fromMs))
  const [to, setTo] = useState(dayjs(span.toMs))
  const wrong = !from.isBefore(to)
  return (
    <div className="column" style={{ padding: '6px 8px', gap: 6 }}>
      <DatePicker
        showTime
        allowClear={false}
        value={from}
        onChange={(value) => value && setFrom(value)}
        aria-label={t('time.from')}
        status={wrong ? 'error' : undefined}
      />
      <DatePicker
        showTime
        allowClear={false}
        value={to}
        onChange={(value) => value && setTo(value)}
        aria-label={t('time.to')}
        status={wrong ? 'error' : undefined}
      />
      {wrong ? <span className="bad small">{t('time.reversed')}</span> : null}
      <Button type="primary" disabled={wrong} onClick={() => onChoose(from.valueOf(), to.valueOf())}>
        {t('time.apply')}
      </Button>
    </div>
  )
}
