import { expect, test } from 'vitest'
import { newDraft } from './draft.ts'

const detectionOf = (query: string) => {
  const { yaml } = newDraft({ query })
  return yaml.slice(yaml.indexOf('logsource:'), yaml.indexOf('falsepositives:'))
}

test('terms of a search become a selection, those with NOT a filter, words keywords', () => {
  expect(
    detectionOf('event.module:nginx AND source.ip:10.0.0.0/8 and url.path:"/a \\"b\\"" NOT user.name:root word'),
  ).toBe(
    `logsource:
  product: 'nginx'
detection:
  selection:
    source.ip|cidr: 10.0.0.0/8
    url.path: '/a "b"'
  keywords:
    - 'word'
  filter:
    user.name: 'root'
  condition: selection and keywords and not filter
`,
  )
})

test('what cannot be said in a selection is kept as a comment', () => {
  expect(detectionOf('a:1 or b:2')).toContain('  # a:1 or b:2\n  selection:\n    message|contains: "…"')
  expect(detectionOf('host.name:(a b) and user.name:*')).toContain('user.name|exists: true')
  expect(detectionOf('')).toContain('condition: selection')
})

test('an event gives its log source and what tells most of it', () => {
  const fields = { 'event.module': 'zeek', 'event.dataset': 'zeek.dns', 'event.action': "it's", message: 'long' }
  const { yaml, eventIds } = newDraft({ event: { id: 'e1', fields } })
  expect(yaml).toContain("  product: 'zeek'\n  service: 'dns'\ndetection:\n  selection:\n    event.action: 'it''s'\n")
  expect(eventIds).toEqual(['e1'])
})
