import { describe, expect, it } from 'vitest'
import type { OfflineMatch } from '../../detect/offline.ts'
import { isWanted, languageOf, readLogsource, readTime } from './detect-options.ts'
import { createMatchOutput, type OutputForm, printable } from './detect-output.ts'
import { MatchSummary } from './detect-summary.ts'

const match = (index: number, changes: Partial<OfflineMatch['rule']> = {}): OfflineMatch => ({
  rule: {
    id: 'r1',
    title: '口令, "喷洒"',
    level: 'high',
    author: 'A',
    tags: ['attack.t1110.003', 'attack.credential-access'],
    ...changes,
  },
  event: { index, timestamp: `2026-03-01T0${index}:10:00.000Z` },
  file: '日志/a b.evtx',
  seen: { host: 'DC1', user: '=cmd|x', commandLine: 'a\u001b[2Jb\nc' },
  matched: [{ part: 's', field: 'User', value: 'x' }],
})

async function written(form: OutputForm, matches: OfflineMatch[]): Promise<string> {
  let text = ''
  const output = createMatchOutput(form, {
    isTerminal: false,
    write: async (part) => {
      text += part
    },
    close: async () => undefined,
  })
  for (const one of matches) await output.match(one)
  await output.end()
  return text
}

describe('matches of watchfire detect', () => {
  it('keeps the contract of its lines', async () => {
    const [line] = (await written('ndjson', [match(3)])).split('\n')
    expect(JSON.parse(line!)).toMatchObject({
      'rule.id': 'r1',
      'rule.title': '口令, "喷洒"',
      'event.index': 3,
      file: '日志/a b.evtx',
    })
  })

  it('quotes CSV and disarms formulas and control characters', async () => {
    const text = await written('csv', [match(1)])
    expect(text.startsWith('\ufefftimestamp,level,rule_title')).toBe(true)
    expect(text).toContain('"口令, ""喷洒"""')
    expect(text).toContain(",'=cmd|x,")
    expect(text).not.toContain('\u001b')
    expect((await written('csv', [])).split('\r\n')).toHaveLength(2)
  })

  it('writes SARIF 2.1.0 with what its schema requires', async () => {
    for (const matches of [[], [match(0), match(1, { id: 'r2', level: 'low' }), match(2)]]) {
      const log = JSON.parse(await written('sarif', matches))
      expect(log.version).toBe('2.1.0')
      const [run] = log.runs
      expect(run.tool.driver.name).toBe('Watchfire')
      expect(run.results).toHaveLength(matches.length)
      for (const result of run.results) {
        expect(run.tool.driver.rules[result.ruleIndex].id).toBe(result.ruleId)
        expect(['none', 'note', 'warning', 'error']).toContain(result.level)
        expect(result.message.text.length).toBeGreaterThan(0)
        const { artifactLocation, region } = result.locations[0].physicalLocation
        expect(artifactLocation.uri).toMatch(/^[\x21-\x7e]+$/)
        expect(region.startLine).toBeGreaterThanOrEqual(1)
      }
    }
  })

  it('shows no control character of a log on a terminal', () => {
    expect(printable('a\u001b[31m\u202eb\n')).toBe('a\\u{1b}[31m\\u{202e}b ')
  })

  it('sums up by hour, rule, host, user and technique with first and last', () => {
    const summary = new MatchSummary('en')
    for (const index of [2, 1, 1]) summary.add(match(index))
    const text = summary.lines({ files: 1, records: 9, matches: 3, unreadable: 0 }, false).join('\n')
    expect(text).toContain('1 files, 9 events, 3 matches')
    expect(text).toMatch(/2026-03-01T01:00 +2/)
    expect(text).toMatch(/high +3 {2}DC1 +first 2026-03-01T01:10:00.000Z {2}last 2026-03-01T02:10:00.000Z/)
    expect(text).toContain('credential-access × T1110.003')
    expect(new MatchSummary('zh').lines({ files: 0, records: 0, matches: 0, unreadable: 0 }, false)[1]).toBe(
      '没有命中任何规则',
    )
  })
})

describe('options of watchfire detect', () => {
  const document = { id: 'r', level: 'medium', status: 'test', tags: ['attack.t1059.001', 'attack.t1059'] } as never

  it('chooses rules by level, status and tag', () => {
    expect(isWanted(document, {})).toBe(true)
    expect(isWanted(document, { minLevel: 'high' })).toBe(false)
    expect(isWanted(document, { status: ['stable'] })).toBe(false)
    expect(isWanted(document, { tags: ['attack.T1059'] })).toBe(true)
    expect(isWanted(document, { tags: ['attack.t105'] })).toBe(false)
    expect(isWanted(document, { exclude: ['r'] })).toBe(false)
    expect(isWanted(document, { exclude: ['attack.t1059'] })).toBe(false)
  })

  it('reads times in UTC and refuses what is none', () => {
    expect(readTime('--from', '2026-03-01 08:00')).toBe(Date.parse('2026-03-01T08:00:00Z'))
    expect(readTime('--from', '2026-03-01T08:00:00+08:00')).toBe(Date.parse('2026-03-01T00:00:00Z'))
    expect(readTime('--from', undefined)).toBeUndefined()
    expect(() => readTime('--from', 'yesterday')).toThrow('--from')
    expect(() => readLogsource('vendor=x')).toThrow('--logsource')
  })

  it('speaks the language of the environment', () => {
    expect(languageOf({ LANG: 'zh_CN.UTF-8' })).toBe('zh')
    expect(languageOf({ LC_ALL: 'C', LANG: 'zh_CN.UTF-8' })).toBe('en')
    expect(languageOf({})).toBe('en')
  })
})
