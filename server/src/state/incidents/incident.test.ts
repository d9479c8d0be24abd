import { expect, test } from 'vitest'
import type { Entity } from '../../event/event.ts'
import { type IncidentRow, incidentView } from './incident.ts'

test('who acted and what was attacked is listed before the programs and files it was done with', () => {
  const entity = (type: Entity['type'], value: string, role: Entity['role']) => ({ type, value, role })
  const entities = [
    entity('process', 'c:\\a.exe', 'actor'),
    entity('file', 'c:\\b.txt', 'observed'),
    entity('ip', '10.0.0.9', 'observed'),
    entity('user', 'ops', 'observed'),
    entity('host', 'gateway', 'observed'),
    entity('host', 'portal', 'target'),
    entity('ip', '203.0.113.7', 'actor'),
  ]
  const incident = { facts: { entities, rules: [] } } as unknown as IncidentRow
  expect(incidentView({ incident, assigneeName: null }).entities.map(({ value }) => value)).toEqual([
    '203.0.113.7',
    'portal',
    'gateway',
    'ops',
    '10.0.0.9',
    'c:\\a.exe',
    'c:\\b.txt',
  ])
})
