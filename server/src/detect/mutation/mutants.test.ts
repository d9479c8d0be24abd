import { describe, expect, it } from 'vitest'
import { parseSigma } from '../sigma/parse.ts'
import { compileRuleSet } from '../sigma/ruleset.ts'
import { mutantsOf } from './mutants.ts'
import { regexChanges } from './regex.ts'

const logsources = [
  { product: 'windows', view: 'default', when: new Map() },
  { product: 'linux', service: 'sshd', view: 'default', when: new Map() },
]

function mutations(yaml: string): string[] {
  return mutantsOf(parseSigma(yaml, 'rule.yml'), logsources).map(({ what }) => what)
}

describe('mutants of a rule', () => {
  it('are every small change of a detection', () => {
    const rule = `
title: t
name: r
logsource: { product: linux }
detection:
  tool:
    exe|endswith: ['/a', '/b']
    line|re: '(?i)x(y|z)'
  filter: { size|gt: 5 }
  condition: tool and not filter`
    expect(mutations(rule)).toEqual([
      'r: the condition is negated',
      'r: tool and not filter with or',
      'r: tool and not filter without tool',
      'r: tool and not filter without not filter',
      'r: not filter loses its not',
      'r: tool: without exe|endswith',
      'r: tool: exe|endswith becomes exe',
      'r: tool: exe|endswith becomes exe|contains',
      'r: tool: exe|endswith becomes exe|startswith',
      "r: tool: exe|endswith: without '/a'",
      "r: tool: exe|endswith: without '/b'",
      'r: tool: without line|re',
      'r: tool: line|re becomes line',
      'r: tool: line|re: without (?i)',
      'r: tool: line|re: without the branch y',
      'r: tool: line|re: without the branch z',
      'r: filter: size|gt becomes size',
      'r: filter: size|gt becomes size|gte',
      'r: filter: size|gt: 5 becomes 4',
      'r: filter: size|gt: 5 becomes 6',
      'r: another logsource',
    ])
  })

  it('spell out selectors, so that `1 of` becomes `all of` and loses single members', () => {
    const rule = `
title: t
name: r
logsource: { product: linux }
detection:
  a: { f: 1 }
  b: { f: 2 }
  condition: 1 of them`
    expect(mutations(rule)).toEqual([
      'r: the condition is negated',
      'r: a or b with and',
      'r: a or b without a',
      'r: a or b without b',
      'r: another logsource',
    ])
  })

  it('are every small change of a correlation, and stay rules', () => {
    const base = `
title: base
name: base
logsource: { product: linux }
detection: { s: { f: 1 }, condition: s }
---
title: other
name: other
logsource: { product: linux }
detection: { s: { f: 2 }, condition: s }
---
title: c
name: c
correlation:
  type: temporal_ordered
  rules: [base, other]
  aliases: { who: { base: user, other: name } }
  group-by: [who, host]
  timespan: 10m
---
title: d
name: d
correlation: { type: value_count, rules: base, group-by: [host], timespan: 1h, condition: { field: user, gte: 3 } }`
    expect(mutations(base).filter((what) => /^[cd]:/.test(what))).toEqual([
      'c: timespan 10m becomes shorter: 540s',
      'c: timespan 10m becomes longer: 660s',
      'c: group-by without who',
      'c: group-by without host',
      'c: temporal_ordered becomes temporal',
      'c: rules without base',
      'c: rules without other',
      'c: base and other change places',
      'd: gte 3 becomes 2',
      'd: gte 3 becomes 4',
      'd: timespan 1h becomes shorter: 3240s',
      'd: timespan 1h becomes longer: 3960s',
      'd: group-by without host',
      'd: value_count becomes event_count',
    ])
    for (const { what, file } of mutantsOf(parseSigma(base, 'rule.yml'), logsources))
      expect([what, compileRuleSet([file]).refused]).toEqual([what, []])
  })
})

describe('changes of a regular expression', () => {
  it.each<[string, string[]]>([
    ['a|b', ['b', 'a']],
    ['a\\|b', []],
    ['[|(]x(?:y|z)', ['[|(]x(?:z)', '[|(]x(?:y)']],
    ['[]|]a', []],
    ['(?i)a(b|c(d|e))', ['a(b|c(d|e))', '(?i)a(b|c(e))', '(?i)a(b|c(d))', '(?i)a(c(d|e))', '(?i)a(b)']],
    ['a(b|)', ['a()', 'a(b)']],
  ])('of %s are %j', (pattern, changed) => {
    expect(regexChanges(pattern).map((change) => change.pattern)).toEqual(changed)
  })
})
