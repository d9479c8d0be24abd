import { expect, test } from 'vitest'
import { shippedContentDir } from '../config/content-dir.ts'
import type { Event } from '../event/event.ts'
import { createCorrelationStage } from './correlations.ts'
import { createDetector } from './detect.ts'
import { openRuleLibrary } from './rule-library.ts'
import { loadLookups } from './sigma/logsource.ts'
import { parseSigma } from './sigma/parse.ts'

const lookups = loadLookups(shippedContentDir())

const rule = (id: string, word: string, more = '') => `title: ${id}
id: ${id}
${more}logsource:
  product: acme
detection:
  selection:
    message|contains: ${word}
  condition: selection
`
const counting = (id: string, base: string, atLeast: number) => `title: ${id}
id: ${id}
correlation:
  type: event_count
  rules: [${base}]
  group-by: [host.name]
  timespan: 5m
  condition:
    gte: ${atLeast}
`

let counter = 0
function event(message: string): Event {
  const fields = { 'event.module': 'acme', message, 'host.name': 'a' }
  const id = `e${++counter}`
  const timeMs = 1_000 * counter
  const raw = Buffer.from(message)
  return { id, timeMs, receivedAtMs: timeMs, raw, sourceKey: 'file:x', unitPath: '/1/', fields }
}

const shipped = [parseSigma(rule('shipped', 'old'), 'shipped.yml'), parseSigma(rule('other', 'other'), 'other.yml')]

async function open() {
  const library = openRuleLibrary(shipped)
  const detector = createDetector(library.set, { lookups })
  return {
    library,
    async put(ruleId: string, live: string | null, trial: string | null = null, off: string[] = []) {
      const onTrial = trial === null ? null : { version: 3, text: trial }
      await library.replace([{ ruleId, live, trial: onTrial }])
      await detector.replace(library.set, (id) => !off.includes(id))
    },
    fired: (message: string) => detector.detect([event(message)]).map(({ ruleId }) => ruleId),
    detect: (message: string) => detector.detect([event(message)]),
  }
}

test('a text in force replaces the shipped file of its id, and the file comes back without it', async () => {
  const { put, fired } = await open()
  expect(fired('old new')).toEqual(['shipped'])
  await put('shipped', rule('shipped', 'new'))
  expect(fired('old')).toEqual([])
  expect(fired('new')).toEqual(['shipped'])
  await put('shipped', null)
  expect(fired('old')).toEqual(['shipped'])
  expect(fired('new')).toEqual([])
})

test('a version on trial runs beside the one in force under an id of its own', async () => {
  const { put, fired } = await open()
  await put('shipped', null, rule('shipped', 'new', 'name: same_name\n'))
  expect(fired('old new')).toEqual(['shipped', 'trial~3~shipped'])
  await put('shipped', rule('shipped', 'new', 'name: same_name\n'), rule('shipped', 'third', 'name: same_name\n'))
  expect(fired('old new third')).toEqual(['shipped', 'trial~3~shipped'])
  expect(fired('old')).toEqual([])
})

test('a rule switched off and on again, and others meanwhile', async () => {
  const { put, fired } = await open()
  await put('mine', rule('mine', 'old'), null, ['shipped', 'mine'])
  expect(fired('old')).toEqual([])
  await put('mine', rule('mine', 'old'), null, ['shipped'])
  expect(fired('old')).toEqual(['mine'])
  await put('mine', rule('mine', 'old'))
  expect(fired('old').sort()).toEqual(['mine', 'shipped'])
})

test('a text that is wrong is refused and the set goes on', async () => {
  const { put, fired, library } = await open()
  await put('mine', rule('mine', '[', '').replace('contains', 're'))
  expect(library.set.refused).toMatchObject([{ file: 'rule:mine', reason: 'yaml' }])
  await put('mine', rule('mine', "'('", '').replace('contains', 're'))
  expect(library.set.refused).toMatchObject([{ file: 'rule:mine', reason: 'regex' }])
  await put('mine', ':::not yaml: [')
  expect(library.set.refused).toHaveLength(1)
  expect(fired('old')).toEqual(['shipped'])
})

test('a correlation on trial counts rules in force and silences none of them', async () => {
  const { put, library, detect } = await open()
  await put('count', null, counting('count', 'shipped', 2))
  const stage = createCorrelationStage(library.set)
  const out = [...stage.push(detect('old')), ...stage.push(detect('old'))]
  expect(out.map(({ ruleId }) => ruleId)).toEqual(['shipped', 'shipped', 'trial~3~count'])
  await put('count', counting('count', 'shipped', 2))
  const running = createCorrelationStage(library.set)
  const found = [...running.push(detect('old')), ...running.push(detect('old'))]
  expect(found.map(({ ruleId }) => ruleId)).toEqual(['count'])
})

test('names inside a text on trial mean the documents of the same text', async () => {
  const { put, library, detect } = await open()
  const text = `${rule('base', 'old', 'name: base_name\n')}---\n${counting('count', 'base_name', 2)}`
  await put('base', text, text.replace('gte: 2', 'gte: 1'))
  expect(library.set.refused).toEqual([])
  const stage = createCorrelationStage(library.set)
  expect(stage.push(detect('old')).map(({ ruleId }) => ruleId)).toEqual(['shipped', 'trial~3~count'])
  expect(stage.push(detect('old')).map(({ ruleId }) => ruleId)).toContain('count')
})

test('a filter on trial narrows only the rules of its own text', async () => {
  const { put, fired } = await open()
  const filter = `title: f
id: f
logsource:
  product: acme
filter:
  rules: any
  selection:
    message|contains: quiet
  condition: not selection
`
  await put('f', null, filter)
  expect(fired('old quiet')).toEqual(['shipped'])
  await put('f', filter)
  expect(fired('old quiet')).toEqual([])
  expect(fired('old')).toEqual(['shipped'])
})

test('many changes at once build a new base that finds the same', async () => {
  const { library, fired } = await open()
  const detector = createDetector(library.set, { lookups })
  detector.detect([event('old')])
  const texts = Array.from({ length: 300 }, (_, index) => ({
    ruleId: `m${index}`,
    live: rule(`m${index}`, `word${index}x`),
    trial: null,
  }))
  await library.replace(texts)
  await detector.replace(library.set)
  expect(detector.detect([event('old word7x word299x')]).map(({ ruleId }) => ruleId)).toEqual(['shipped', 'm7', 'm299'])
  await library.replace([{ ruleId: 'm7', live: null, trial: null }])
  await detector.replace(library.set)
  expect(detector.detect([event('word7x')])).toEqual([])
  expect(fired('old')).toEqual(['shipped'])
})

test('trying a text out tells what is wrong with it among the others, and changes nothing', async () => {
  const { library, put } = await open()
  await put('mine', rule('mine', 'a', 'name: taken\n'))
  const before = library.set
  expect(library.tryOut('new', rule('new', 'a', 'name: taken\n')).refused).toMatchObject([{ reason: 'duplicate' }])
  expect(library.tryOut('mine', rule('mine', 'b', 'name: taken\n')).refused).toEqual([])
  expect(library.tryOut(undefined, counting('c', 'nobody', 2)).refused).toMatchObject([{ reason: 'reference' }])
  expect(library.set).toBe(before)
})
