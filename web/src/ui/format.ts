import i18next from 'i18next'
import { currentLanguage } from '../i18n/i18n.ts'

const cache = new Map<string, Intl.NumberFormat>()

function numberFormat(key: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const language = currentLanguage()
  const id = `${language}|${key}`
  const known = cache.get(id)
  if (known) return known
  const made = new Intl.NumberFormat(language, options)
  cache.set(id, made)
  return made
}

/** 12345 -> "12,345". */
export function formatNumber(value: number, digits = 0): string {
  return numberFormat(`n${digits}`, { maximumFractionDigits: digits }).format(value)
}

/** 1234567 -> "1.2M" in English; in Chinese counted in ten thousands. */
export function formatCompact(value: number): string {
  if (Math.abs(value) < 10_000) return formatNumber(value)
  return numberFormat('compact', { notation: 'compact', maximumFractionDigits: 1 }).format(value)
}

/** 0.987 -> "98.7%". */
export function formatShare(value: number): string {
  return numberFormat('share', { style: 'percent', maximumFractionDigits: 1 }).format(value)
}

/** Bytes with binary units: 1536 -> "1.5 KiB". */
export function formatBytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let scaled = value
  let step = 0
  while (Math.abs(scaled) >= 1024 && step < units.length - 1) {
    scaled /= 1024
    step += 1
  }
  return `${formatNumber(scaled, step === 0 ? 0 : 1)} ${units[step]}`
}

/** Events per second with a sensible number of digits. */
export function formatRate(perSecond: number): string {
  const digits = perSecond > 0 && perSecond < 10 ? 2 : perSecond < 100 ? 1 : 0
  return i18next.t('units.rate', { number: formatNumber(perSecond, digits) })
}

/** Milliseconds in words, the two largest parts: 5_400_000 -> "1 h 30 min". */
export function formatDuration(ms: number): string {
  if (ms < 1000) return i18next.t('units.ms', { number: Math.round(ms) })
  const seconds = Math.floor(ms / 1000)
  const parts: [number, 'd' | 'h' | 'm' | 's'][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => i18next.t(`units.${unit}`, { number: count }))
    .join(' ')
}
