import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { shippedContentDir } from '../../config/content-dir.ts'
import { readRulePaths } from '../load.ts'
import { loadLookups } from './logsource.ts'
import { parseSigma } from './parse.ts'
import { compileRuleSet } from './ruleset.ts'

const { knownFields } = loadLookups(shippedContentDir())

function marksOf(logsource: string, detection: string) {
  const set = compileRuleSet(
    [parseSigma(`title: t\nid: t\nlogsource: ${logsource}\ndetection:\n${detection}\n`, 'r.yml')],
    { knownFields },
  )
  expect(set.refused).toEqual([])
  const [{ warnings, missingField }] = set.rules as [(typeof set.rules)[0]]
  return { warnings: warnings.map(({ message, line }) => `${line} ${message}`), missingField }
}

describe('fields that events of a log source cannot have', () => {
  const fileEvent = '{product: windows, category: file_event}'

  it('are warned of where they stand, and named when the rule needs them', () => {
    const detection = '  s:\n    TargetFilename: x\n    CommandLine|contains: y\n  condition: s'
    expect(marksOf(fileEvent, detection)).toEqual({
      warnings: [
        '7 No event of windows/file_event has the field `CommandLine`',
        '8 Without `CommandLine` the rule cannot fire',
      ],
      missingField: 'CommandLine',
    })
  })

  it.each([
    ['one of several parts', '  a: {TargetFilename: x}\n  b: {CommandLine: y}\n  condition: a or b', undefined],
    ['an exception', '  a: {TargetFilename: x}\n  f: {CommandLine: y}\n  condition: a and not f', undefined],
    ['absence that is asked for', '  a: {TargetFilename: x, CommandLine: null}\n  condition: a', undefined],
    ['absence, said otherwise', '  a: {TargetFilename: x, CommandLine|exists: false}\n  condition: a', undefined],
    ['presence', '  a: {TargetFilename: x, CommandLine|exists: true}\n  condition: a', 'CommandLine'],
    ['all of the ways', '  a: {CommandLine: x}\n  b: {ParentImage: y}\n  condition: a or b', 'CommandLine'],
    ['the field of a comparison', '  a: {Image|fieldref: ParentImage}\n  condition: a', 'ParentImage'],
    ['one of each of two lists', '  a: [{CommandLine: x}, {Image: y}]\n  condition: a', undefined],
  ])('in %s', (_, detection, missing) => {
    const marks = marksOf(fileEvent, detection)
    expect(marks.warnings.length).toBeGreaterThan(0)
    expect(marks.missingField).toBe(missing)
  })

  it.each([
    [
      '{product: windows, category: process_creation}',
      '  s: {Image: a, CommandLine: b, ParentUser: c, NewProcessName: d, Imphash: e}\n  condition: s',
    ],
    [
      '{product: windows, category: process_creation}',
      "  s: {process.command_line: a, '@timestamp|hour': 3, message: x}\n  condition: s",
    ],
    ['{category: webserver}', '  s: {cs-uri-query: a, sc-status: 200, cs-user-agent: b}\n  condition: s'],
    ['{product: aws, service: cloudtrail}', '  s: {anyThing.at.all: a}\n  condition: s'],
    // Not a list of Windows: the product is left open, or another.
    ['{category: file_event}', '  s: {CommandLine: a}\n  condition: s'],
    ['{product: macos, category: file_event}', '  s: {CommandLine: a}\n  condition: s'],
    [fileEvent, '  s: [a keyword]\n  condition: s'],
  ])('are none in %s', (logsource, detection) => {
    expect(marksOf(logsource, detection)).toEqual({ warnings: [], missingField: undefined })
  })

  it('are named by no shipped rule', () => {
    const set = compileRuleSet(readRulePaths([join(shippedContentDir(), 'rules')]), { knownFields })
    const marked = set.rules.filter(({ warnings }) => warnings.some(({ message }) => message.startsWith('No event of')))
    expect(marked.map(({ document }) => document.source.file)).toEqual([])
  })
})
