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

/** 1234567 -> "123.5万" in Chinese, "1.2M" in English. */
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
  return `${formatNumber(perSecond, digits)} ${currentLanguage() === 'en' ? 'events/s' : '条/秒'}`
}

const durationWords = {
  'zh-CN': { d: '天', h: '小时', m: '分', s: '秒', ms: '毫秒', gap: ' ' },
  en: { d: 'd', h: 'h', m: 'min', s: 's', ms: 'ms', gap: ' ' },
}

/** Milliseconds in words, the two largest parts: 5_400_000 -> "1 小时 30 分" / "1 h 30 min". */
export function formatDuration(ms: number): string {
  const words = durationWords[currentLanguage()]
  if (ms < 1000) return `${Math.round(ms)} ${words.ms}`
  const seconds = Math.floor(ms / 1000)
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), words.d],
    [Math.floor(seconds / 3600) % 24, words.h],
    [Math.floor(seconds / 60) % 60, words.m],
    [seconds % 60, words.s],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(words.gap)
}
