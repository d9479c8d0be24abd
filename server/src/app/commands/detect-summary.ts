import { attackOf } from '../../detect/attack.ts'
import type { OfflineCounters, OfflineMatch } from '../../detect/offline.ts'
import { type Severity, severityRank } from '../../event/event.ts'
import { coloured, printable } from './detect-output.ts'

interface Tally {
  count: number
  level: Severity
  first: string | undefined
  last: string | undefined
}

/** Different hosts, users and rules that are kept apart; what comes after is counted as one. */
const namesLimit = 100_000
const rowsShown = 20
const hoursShown = 200
const barWidth = 40

const words = {
  zh: {
    files: '文件', records: '事件', matches: '命中', levels: '按级别', hours: '按小时 (UTC)', rules: '规则', hosts: '主机', users: '用户', attack: 'ATT&CK',
    first: '首次', last: '末次', more: '其余', none: '没有命中任何规则', unreadable: '无法读取的记录', other: '(其他)',
  },
  en: {
    files: 'files', records: 'events', matches: 'matches', levels: 'By level', hours: 'By hour (UTC)', rules: 'Rules', hosts: 'Hosts', users: 'Users',
    attack: 'ATT&CK', first: 'first', last: 'last', more: 'more', none: 'No rule matched', unreadable: 'records that cannot be read', other: '(other)',
  },
} // biome-ignore format: a table

export type Language = keyof typeof words

/** Counts matches by level, hour, rule, host, user and technique; memory is bounded. */
export class MatchSummary {
  private readonly levels = new Map<string, Tally>()
  private readonly hours = new Map<string, Tally>()
  private readonly rules = new Map<string, Tally>()
  private readonly hosts = new Map<string, Tally>()
  private readonly users = new Map<string, Tally>()
  private readonly techniques = new Map<string, Tally>()
  private readonly text: (typeof words)[Language]

  constructor(language: Language) {
    this.text = words[language]
  }

  add({ rule, event, seen }: OfflineMatch): void {
    const level = rule.level as Severity
    const time = event.timestamp
    this.count(this.levels, level, level, time)
    if (time !== undefined) this.count(this.hours, `${time.slice(0, 13)}:00`, level, time)
    this.count(this.rules, rule.title, level, time)
    if (seen.host !== undefined) this.count(this.hosts, seen.host, level, time)
    if (seen.user !== undefined) this.count(this.users, seen.user, level, time)
    const { tactics, techniques } = attackOf(rule.tags)
    for (const tactic of tactics.length > 0 ? tactics : ['-']) {
      for (const technique of techniques) this.count(this.techniques, `${tactic} × ${technique}`, level, time)
    }
  }

  lines(counters: OfflineCounters, isTerminal: boolean): string[] {
    const { text } = this
    const head = `${counters.files} ${text.files}, ${counters.records} ${text.records}, ${counters.matches} ${text.matches}`
    const unreadable = counters.unreadable > 0 ? `, ${counters.unreadable} ${text.unreadable}` : ''
    if (counters.matches === 0) return [head + unreadable, text.none]
    const levels = [...this.levels].sort(([, a], [, b]) => severityRank[b.level] - severityRank[a.level])
    return [
      head + unreadable,
      '',
      text.levels,
      ...levels.map(
        ([level, { count }]) => `  ${coloured(level, level.padEnd(13), isTerminal)} ${String(count).padStart(9)}`,
      ),
      ...this.histogram(isTerminal),
      ...this.section(text.rules, this.rules, isTerminal),
      ...this.section(text.hosts, this.hosts, isTerminal),
      ...this.section(text.users, this.users, isTerminal),
      ...this.section(text.attack, this.techniques, isTerminal),
    ]
  }

  private count(tallies: Map<string, Tally>, name: string, level: Severity, time: string | undefined): void {
    const key = tallies.has(name) || tallies.size < namesLimit ? name : this.text.other
    const tally = tallies.get(key)
    if (!tally) {
      tallies.set(key, { count: 1, level, first: time, last: time })
      return
    }
    tally.count++
    if (severityRank[level] > severityRank[tally.level]) tally.level = level
    if (time === undefined) return
    if (tally.first === undefined || time < tally.first) tally.first = time
    if (tally.last === undefined || time > tally.last) tally.last = time
  }

  private histogram(isTerminal: boolean): string[] {
    const hours = [...this.hours].sort(([a], [b]) => (a < b ? -1 : 1))
    if (hours.length === 0) return []
    const most = hours.reduce((most, [, { count }]) => Math.max(most, count), 1)
    const shown = hours.slice(-hoursShown)
    const left = hours.length - shown.length
    return [
      '',
      this.text.hours,
      ...(left > 0 ? [`  … ${left} ${this.text.more}`] : []),
      ...shown.map(([hour, { count, level }]) => {
        const bar = '█'.repeat(Math.max(1, Math.round((count / most) * barWidth)))
        return `  ${hour}  ${String(count).padStart(9)}  ${coloured(level, bar, isTerminal)}`
      }),
    ]
  }

  private section(title: string, tallies: Map<string, Tally>, isTerminal: boolean): string[] {
    if (tallies.size === 0) return []
    const rows = [...tallies].sort(
      ([nameA, a], [nameB, b]) =>
        severityRank[b.level] - severityRank[a.level] || b.count - a.count || (nameA < nameB ? -1 : 1),
    )
    const left = rows.length - rowsShown
    return [
      '',
      title,
      ...rows.slice(0, rowsShown).map(([name, { count, level, first, last }]) => {
        const span = first === undefined ? '' : `  ${this.text.first} ${first}  ${this.text.last} ${last}`
        return `  ${coloured(level, level.padEnd(13), isTerminal)} ${String(count).padStart(9)}  ${printable(name).padEnd(50)}${span}`
      }),
      ...(left > 0 ? [`  … ${left} ${this.text.more}`] : []),
    ]
  }
}
