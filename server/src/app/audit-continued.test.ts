import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shippedContentDir } from '../config/content-dir.ts'
import { createCorrelationStage } from '../detect/correlations.ts'
import { createDetector } from '../detect/detect.ts'
import { loadLookups } from '../detect/sigma/logsource.ts'
import { parseSigma } from '../detect/sigma/parse.ts'
import { compileRuleSet } from '../detect/sigma/ruleset.ts'
import { loadParsers } from '../normalise/load.ts'
import { createNormaliser } from '../normalise/normalise.ts'

const rules = `title: Program run
name: run
level: low
logsource: {product: linux, service: auditd}
detection: {s: {process.executable: /bin/cat}, condition: s}
---
title: Shadow file named
name: shadow
level: low
logsource: {product: linux, service: auditd}
detection: {s: {process.executable: /bin/cat, process.command_line|contains: shadow}, condition: s}
---
title: Three runs
id: three
level: high
correlation: {type: event_count, rules: [run], group-by: [host.name], timespan: 5m, condition: {gte: 3}}
`
const content = shippedContentDir()
const ruleSet = compileRuleSet([parseSigma(rules, 'rules.yml')])
const { parsers } = loadParsers([content])
const lookups = loadLookups(content)

/** One run of a program as the kernel tells it, in four records. */
const runOf = (serial: number) => {
  const head = `msg=audit(17724165${60 + serial}.101:${serial}):`
  return [
    `type=SYSCALL ${head} arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=2 auid=0 uid=0 euid=0 comm="cat" exe="/bin/cat" key="x"`,
    `type=EXECVE ${head} argc=2 a0="cat" a1="/etc/shadow"`,
    `type=CWD ${head} cwd="/root"`,
    `type=PATH ${head} item=0 name="/bin/cat" inode=1 mode=0100755 ouid=0 ogid=0`,
  ].map((line) => `<13>Mar  2 10:00:00 web-01 audispd: ${line}`)
}

/** What comes out when the stream is cut after these records. */
function outcome(lines: string[], cuts: number[]) {
  const normaliser = createNormaliser(parsers, { zone: 'UTC' })
  const detector = createDetector(ruleSet, { lookups })
  const stage = createCorrelationStage(ruleSet)
  const seen = new Map<string, string>()
  const bounds = [0, ...cuts, lines.length]
  let fired = 0
  for (const [index, start] of bounds.slice(0, -1).entries()) {
    const records = lines.slice(start, bounds[index + 1]).map((line, at) => ({
      record: {
        transport: 'syslog-tcp' as const,
        source: '',
        sender: '192.0.2.1',
        receivedAtMs: 1772416600_000,
        body: Buffer.from(line),
      },
      partition: 0,
      offset: start + at,
    }))
    const { events } = normaliser.normalise(records)
    for (const one of stage.push(detector.detect(events))) {
      if (one.ruleId === 'three') fired++
      else seen.set(one.id, one.ruleId)
    }
  }
  return { fired, found: [...seen.values()].sort() }
}

describe('an audit event that the stream cuts', () => {
  it('is counted once by a rule that every part of it satisfies', () => {
    const two = [...runOf(1), ...runOf(2)]
    for (const cuts of [[], [1], [1, 2, 3], [1, 2, 3, 4, 5, 6, 7]])
      expect([cuts, outcome(two, cuts)]).toEqual([cuts, { fired: 0, found: ['shadow', 'shadow'] }])
    expect(outcome([...two, ...runOf(3)], [1, 3, 6, 9, 10, 11]).fired).toBe(1)
  })

  it('shows what it would show whole, wherever it is cut', () => {
    const lines = [1, 2, 3, 4].flatMap(runOf)
    const whole = outcome(lines, [])
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: lines.length - 1 })), (cuts) => {
        expect(
          outcome(
            lines,
            cuts.sort((a, b) => a - b),
          ),
        ).toEqual(whole)
      }),
      { numRuns: 100 },
    )
  })
})
