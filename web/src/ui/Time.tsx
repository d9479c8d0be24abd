import { useTranslation } from 'react-i18next'
import { formatDuration } from './format.ts'
import { formatTime, formatTimeShort, formatUtc, toMs } from './time.ts'

interface TimeProps {
  value: string | number | null | undefined
  /** `short` without the year, `full` with milliseconds, `ago` as a distance from now. */
  as?: 'short' | 'full' | 'ago'
  empty?: string
}

/** Local time on screen; hover shows UTC (and the local time when the text is a distance). */
export function Time({ value, as = 'short', empty = '—' }: TimeProps) {
  const { t } = useTranslation()
  const timeMs = toMs(value)
  if (timeMs === undefined) return <span className="faint">{empty}</span>
  const hover = as === 'ago' ? `${formatTime(timeMs)}\n${formatUtc(timeMs)}` : formatUtc(timeMs)
  return (
    <time dateTime={new Date(timeMs).toISOString()} title={hover} className="number">
      {as === 'ago' ? ago(timeMs) : as === 'full' ? formatTime(timeMs, true) : formatTimeShort(timeMs)}
    </time>
  )

  function ago(ms: number): string {
    const distance = Date.now() - ms
    if (distance < -1000) return t('time.in', { duration: formatDuration(-distance) })
    return distance < 1000 ? t('time.justNow') : t('time.ago', { duration: formatDuration(distance) })
  }
}
