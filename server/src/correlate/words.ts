import type { EntityType } from '../event/event.ts'
import { localTimeText } from '../lib/utc-offset.ts'

/** Times and spans for titles and stories, in the two languages; no locale data, so the same on every machine. */

/** `09:05:07`, or with the date when it is another day than `besideMs`. */
export function shortTimeText(timeMs: number, besideMs: number, utcOffsetMs: number): string {
  const text = localTimeText(timeMs, utcOffsetMs)
  return text.slice(0, 10) === localTimeText(besideMs, utcOffsetMs).slice(0, 10) ? text.slice(11) : text.slice(5)
}

/** The two largest units of a span, e.g. `2 h 5 min`. */
export function spanText(spanMs: number, language: 'zh' | 'en'): string {
  const units: [number, string, string][] = [
    [86_400_000, '天', 'd'],
    [3_600_000, '小时', 'h'],
    [60_000, '分', 'min'],
    [1_000, '秒', 's'],
  ]
  const parts: string[] = []
  let rest = spanMs
  for (const [unitMs, zh, en] of units) {
    const count = Math.floor(rest / unitMs)
    rest -= count * unitMs
    if (count > 0 && parts.length < 2) parts.push(language === 'zh' ? `${count} ${zh}` : `${count} ${en}`)
  }
  if (parts.length === 0) return language === 'zh' ? '不到 1 秒' : 'under 1 s'
  return parts.join(' ')
}

/** `1,234,567` */
export function countText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

const typeNames: Record<EntityType, { zh: string; en: string; many: string }> = {
  host: { zh: '主机', en: 'host', many: 'hosts' },
  user: { zh: '账号', en: 'account', many: 'accounts' },
  ip: { zh: '地址', en: 'address', many: 'addresses' },
  domain: { zh: '域名', en: 'domain', many: 'domains' },
  process: { zh: '进程', en: 'process', many: 'processes' },
  file: { zh: '文件', en: 'file', many: 'files' },
  url: { zh: '网址', en: 'URL', many: 'URLs' },
}

export function typeName(type: EntityType, language: 'zh' | 'en', count = 1): string {
  const name = typeNames[type]
  return language === 'zh' ? name.zh : count === 1 ? name.en : name.many
}

/** First `limit` of the values, and how many more there are. */
export function listText(values: string[], language: 'zh' | 'en', limit = 3): string {
  const shown = values.slice(0, limit)
  const more = values.length - shown.length
  if (language === 'zh') return shown.join('、') + (more > 0 ? ` 等 ${values.length} 个` : '')
  return more > 0 ? `${shown.join(', ')} and ${more} more` : joinEnglish(shown)
}

/** `a`, `a and b`, `a, b and c` */
export function joinEnglish(parts: string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
}

/** Longest value told whole; generated names of tunnels and paths run to hundreds of letters. */
const valueLimit = 48

/** A long value by its beginning and its end. */
export function shortValue(value: string): string {
  return value.length <= valueLimit ? value : `${value.slice(0, 15)}…${value.slice(-32)}`
}

/** A line with each of its long words cut short. */
export function shortWords(line: string): string {
  return line.replace(/\S+/g, shortValue)
}
