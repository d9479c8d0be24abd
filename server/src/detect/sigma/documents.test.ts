import { describe, expect, it } from 'vitest'
import { shippedContentDir } from '../../config/content-dir.ts'
import { SigmaEngine } from './engine.ts'
import { compatible, loadLookups } from './logsource.ts'
import { parseSigma } from './parse.ts'
import type { JsonRecord } from './reader.ts'
import { compileRuleSet } from './ruleset.ts'
import { flattenWindowsEvent } from './windows.ts'

const lookups = loadLookups(shippedContentDir())
const head = (title: string) => `title: ${title}\nid: ${title}\nlogsource: {product: test, service: s}\n`

function setOf(text: string, placeholders?: Map<string, string[]>) {
  return compileRuleSet([parseSigma(text, 'folder/rule.yml')], placeholders ? { placeholders } : {})
}

function matching(text: string, record: JsonRecord, placeholders?: Map<string, string[]>): string[] {
  const set = setOf(text, placeholders)
  expect(set.refused).toEqual([])
  return new SigmaEngine(set, lookups)
    .matchRecord(record, { product: 'test', service: 's' })
    .map(({ rule }) => rule.document.id)
}

const reasons = (text: string) => setOf(text).refused.map(({ reason }) => reason)

describe('Sigma documents', () => {
  it('reads several from one file and keeps what it does not know', () => {
    const set = setOf(
      `${head('one')}custom: {a: [1]}\ndetection: {s: {A: 1}, condition: s}\n---\n---\n${head('two')}detection: {s: {B: 1}, condition: s}\n`,
    )
    expect(set.rules.map(({ document }) => document.id)).toEqual(['one', 'two'])
    expect([...set.rules[0]!.document.custom.keys()]).toEqual(['custom'])
  })

  it('goes on after a document that cannot be used, and says where and why', () => {
    const set = setOf(
      `${head('bad')}detection:\n  s:\n    A|foo: 1\n  condition: s\n---\n${head('good')}detection: {s: {A: 1}, condition: s}\n`,
    )
    expect(set.rules).toHaveLength(1)
    expect(set.refused[0]).toMatchObject({ file: 'folder/rule.yml', id: 'bad', reason: 'modifier', line: 6, column: 5 })
    expect(set.refused[0]!.hint).not.toBe('')
  })

  it('tells the line of broken YAML and loads the rest of the set', () => {
    const set = compileRuleSet([
      parseSigma('title: x\ndetection: [', 'a.yml'),
      parseSigma(`${head('b')}detection: {s: {A: 1}, condition: s}`, 'b.yml'),
    ])
    expect(set.rules).toHaveLength(1)
    expect(set.refused[0]).toMatchObject({ file: 'a.yml', reason: 'yaml', line: 2 })
  })

  it.each([
    ['title: x', 'structure'],
    ['- a', 'structure'],
    [`${head('x')}detection: {s: {A: 1}}`, 'structure'],
    [`${head('x')}detection: {s: {A: 1}, condition: s | count() > 5}`, 'legacy-aggregation'],
    [`action: global\n${head('x')}detection: {s: {A: 1}, condition: s}`, 'legacy-action'],
    [`${head('x')}detection: {s: {A: 1}, condition: s and}`, 'condition'],
    [`${head('x')}detection: {s: {A: 1}, condition: 3 of them}`, 'condition'],
    [`${head('x')}detection: {s: {A: 1}, condition: s t}`, 'condition'],
    [`${head('x')}detection: {s: {}, condition: s}`, 'value'],
    [`${head('x')}detection: {s: [], condition: s}`, 'value'],
    [`${head('x')}detection: {s: {A: [x, null]}, condition: s}`, 'value'],
    [`${head('x')}detection: {s: {A: {b: c}}, condition: s}`, 'value'],
    [`${head('x')}detection: {s: [null], condition: s}`, 'value'],
    [`${head('x')}detection: {s: {'|exists': true}, condition: s}`, 'modifier'],
    [`${head('x')}detection: {s: {A|gt: x}, condition: s}`, 'value'],
    [`${head('x')}detection: {s: {A|utf16le: x}, condition: s}`, 'modifier-order'],
    [`${head('x')}detection: {s: {A|re: '(?=a)b'}, condition: s}`, 'regex'],
    [`${head('x')}detection: {s: {A|i: a}, condition: s}`, 'modifier-order'],
    [`${head('x')}detection: {s: {A|contains|windash: ' -a -b -c -d -e -f -g -h'}, condition: s}`, 'limit'],
    [`${head('x')}detection: {s: {A|expand: '%missing%'}, condition: s}`, 'placeholder'],
    [`${head('x')}detection: {s: {A: 1}, condition: s and not s}`, 'impossible'],
    [`${head('x')}detection: {s: {A: x, B: y}, t: {A|endswith: X}, condition: s and not t}`, 'impossible'],
    [
      `${head('x')}detection: {s: {A|contains: abc}, t: {A|contains: [z, b]}, condition: s and not 1 of t*}`,
      'impossible',
    ],
    [`${head('x')}detection: {s: {A: null}, t: {A: x}, u: {A|re: y}, condition: s and (t or u)}`, 'impossible'],
    [`${head('x')}detection: {s: {A|exists: false, A|contains: x}, condition: s}`, 'impossible'],
    [`${head('x')}detection: {s: {A: x}, t: {A|contains|cased: X}, condition: s and not t}`, undefined],
    [`${head('x')}detection: {s: {A: x}, t: {A: x, B: y}, condition: s and not t}`, undefined],
    [`${head('x')}detection: &a {s: {A: *a}, condition: s}`, 'yaml'],
  ])('refuses %j: %s', (text, reason) => {
    expect(reasons(text)).toEqual(reason === undefined ? [] : [reason])
  })

  it('refuses the second of two rules with one id', () => {
    const rule = `${head('same')}detection: {s: {A: 1}, condition: s}\n`
    expect(reasons(`${rule}---\n${rule}`)).toEqual(['duplicate'])
  })

  it('fills placeholders from configured lists, in texts and in expressions', () => {
    const rule = `${head('x')}detection: {s: {A|contains|expand: 'u=%names%;'}, r: {B|re|expand: '^%names%$'}, condition: 1 of them}`
    const placeholders = new Map([['names', ['admin', 'a.b*']]])
    expect(matching(rule, { A: 'x u=ADMIN; y' }, placeholders)).toEqual(['x'])
    expect(matching(rule, { A: 'u=a.bcd;' }, placeholders)).toEqual(['x'])
    expect(matching(rule, { B: 'a.b*' }, placeholders)).toEqual(['x'])
    expect(matching(rule, { B: 'a+bb' }, placeholders)).toEqual([])
  })

  it('warns of texts that only a list can equal', () => {
    const [rule] = setOf(`${head('x')}detection:\n  s: {A: one}\n  t: {A: two}\n  condition: s and t\n`).rules
    expect(rule!.warnings).toMatchObject([{ line: 7 }])
  })

  it('warns of `all` over a single value', () => {
    const [rule] = setOf(`${head('x')}detection:\n  s:\n    A|contains|all: one\n  condition: s\n`).rules
    expect(rule!.warnings).toMatchObject([{ line: 6 }])
  })
})

describe('Sigma filters', () => {
  const rule = `${head('base')}detection: {selection: {A: x}, condition: 1 of selection*}\n`
  const filter = (body: string, logsource = '{product: test}') =>
    `---\ntitle: f\nid: f\nlogsource: ${logsource}\nfilter: ${body}\n`

  it('narrows the rules it names: true keeps the event', () => {
    const text = rule + filter('{rules: [base], selection: {User|startswith: adm_}, condition: not selection}')
    expect(matching(text, { A: 'x', User: 'adm_1' })).toEqual([])
    expect(matching(text, { A: 'x', User: 'bob' })).toEqual(['base'])
    expect(matching(text, { A: 'x' })).toEqual(['base'])
  })

  it('has identifiers of its own, out of reach of the rule and reaching nothing of it', () => {
    const text = rule + filter('{rules: any, selection_admin: {User: root}, condition: not 1 of them}')
    expect(matching(text, { A: 'y', User: 'root' })).toEqual([])
    expect(matching(text, { A: 'x', User: 'bob' })).toEqual(['base'])
  })

  it('applies only where its logsource does, and to all rules on `any`', () => {
    const body = '{rules: any, s: {A: x}, condition: not s}'
    expect(matching(rule + filter(body, '{product: other}'), { A: 'x' })).toEqual(['base'])
    expect(matching(rule + filter(body, '{product: test, service: s}'), { A: 'x' })).toEqual([])
    expect(matching(rule + filter(body.replace('any', '[]')), { A: 'x' })).toEqual([])
  })

  it('warns of a condition without `not`, and refuses one that names nothing', () => {
    expect(setOf(rule + filter('{rules: any, s: {A: x}, condition: s}')).rules[0]!.warnings).toHaveLength(1)
    expect(reasons(rule + filter('{s: {A: x}, condition: not s}'))).toEqual(['filter'])
    expect(reasons(rule + filter('{rules: any, s: {A|foo: x}, condition: not s}'))).toEqual(['modifier'])
  })
})

describe('logsources', () => {
  it('takes what is left unsaid as possible, and a category only with its services', () => {
    const declared = { product: 'windows', category: 'process_creation' }
    expect(compatible({ product: 'windows', category: 'process_creation' }, declared, lookups)).toBe(true)
    expect(compatible({ product: 'windows' }, declared, lookups)).toBe(true)
    expect(compatible({ product: 'linux' }, declared, lookups)).toBe(false)
    expect(compatible({ product: 'windows', service: 'security' }, declared, lookups)).toBe(true)
    expect(compatible({ product: 'windows', service: 'system' }, declared, lookups)).toBe(false)
    expect(compatible({ category: 'webserver' }, { product: 'apache' }, lookups)).toBe(true)
  })

  it('flattens both evtx_dump shapes and Winlogbeat to the names of rules', () => {
    const nested = {
      Event: {
        System: {
          EventID: { '#text': 4656, '#attributes': { Qualifiers: 0 } },
          Channel: 'Security',
          Provider: { '#attributes': { Name: 'P' } },
        },
        EventData: { 'Threat Name': 'T', GrantedAccess: '0x001FFFFF', Empty: null, Data: { '#text': ['a', 'b'] } },
      },
    }
    const beside = {
      Event: {
        System: { EventID: 4656, Channel: 'Security', Provider_attributes: { Name: 'P' } },
        UserData: { X: { Param: 'v' } },
      },
    }
    const beat = {
      winlog: { event_id: 4656, channel: 'Security', provider_name: 'P', event_data: { param1: 'a', A: 'x' } },
    }
    expect(flattenWindowsEvent(nested)).toMatchObject({
      EventID: 4656, Channel: 'Security', Provider_Name: 'P', ThreatName: 'T', GrantedAccess: '0x1fffff', Empty: null, Data: ['a', 'b'],
    }) // biome-ignore format: one record
    expect(flattenWindowsEvent(beside)).toMatchObject({ EventID: 4656, Provider_Name: 'P', Param: 'v' })
    expect(flattenWindowsEvent(beat)).toMatchObject({
      EventID: 4656,
      Channel: 'Security',
      Provider_Name: 'P',
      A: 'x',
      Data: ['a'],
    })
  })

  it('gives audit events the names of the categories, and each hash a field', () => {
    const audit = (EventID: number, EventData: JsonRecord) =>
      flattenWindowsEvent({ Event: { System: { EventID, Channel: 'Security' }, EventData } })
    expect(audit(4688, { NewProcessName: 'C:\\x.exe', ProcessId: '0x10' })).toMatchObject({
      Image: 'C:\\x.exe',
      ProcessId: '0x10',
    })
    const registry = { ObjectName: '\\REGISTRY\\MACHINE\\SOFTWARE\\X', ObjectValueName: 'Run', NewValue: 'v' }
    expect(audit(4657, registry)).toMatchObject({ TargetObject: 'HKLM\\SOFTWARE\\X\\Run', Details: 'v' })
    expect(audit(5156, { Application: '\\device\\harddiskvolume2\\a.exe', Direction: '%%14593' })).toMatchObject({
      Image: 'C:\\a.exe',
      Initiated: 'true',
    })
    expect(audit(1, { Hashes: 'MD5=AB,IMPHASH=CD' })).toMatchObject({
      Hashes: 'MD5=AB,IMPHASH=CD',
      MD5: 'AB',
      imphash: 'CD',
    })
  })

  it('reads the classic PowerShell block as fields', () => {
    const event = {
      Event: {
        System: { EventID: 400, Channel: 'Windows PowerShell' },
        EventData: { Data: ['x', 'y', '\tHostName=ConsoleHost\r\n\tHostApplication=powershell -enc A=\r\n'] },
      },
    }
    expect(flattenWindowsEvent(event)).toMatchObject({ HostName: 'ConsoleHost', HostApplication: 'powershell -enc A=' })
  })

  it('reads a Sigma field through the views of an event: Sysmon 1 and audit event 4688 alike', () => {
    const set = compileRuleSet([
      parseSigma(
        'title: r\nlogsource: {product: windows, category: process_creation}\ndetection: {s: {Image|endswith: \\x.exe, ParentImage|endswith: \\p.exe}, condition: s}',
        'r.yml',
      ),
    ])
    const engine = new SigmaEngine(set, lookups)
    const event = (fields: Record<string, string>) => ({
      id: '1',
      timeMs: 0,
      receivedAtMs: 0,
      raw: Buffer.alloc(0),
      sourceKey: 's',
      unitPath: '/1/',
      fields,
    })
    const sysmon = {
      'winlog.channel': 'Microsoft-Windows-Sysmon/Operational',
      'event.code': '1',
      'process.executable': 'C:\\x.exe',
      'winlog.event_data.ParentImage': 'C:\\p.exe',
    }
    const audit = {
      'winlog.channel': 'Security',
      'event.code': '4688',
      'winlog.event_data.NewProcessName': 'C:\\X.exe',
      'winlog.event_data.ParentProcessName': 'C:\\p.exe',
    }
    expect(engine.matchEvent(event(sysmon))).toHaveLength(1)
    const [match] = engine.matchEvent(event(audit))
    expect(match!.explain()).toEqual([
      { part: 's', field: 'Image', value: 'C:\\X.exe' },
      { part: 's', field: 'ParentImage', value: 'C:\\p.exe' },
    ])
    expect(engine.matchEvent(event({ ...audit, 'event.code': '4624' }))).toHaveLength(0)
  })
})
