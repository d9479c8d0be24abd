import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { attackOf } from './attack.ts'

test('tactics are read in the order of an attack, those of ATT&CK 19 beside the one they replaced', () => {
  expect(attackOf(['attack.impact', 'attack.defense-impairment', 'attack.stealth', 'attack.t1685.001'])).toEqual({
    tactics: ['stealth', 'defense-impairment', 'impact'],
    techniques: ['T1685.001'],
  })
  expect(attackOf(['attack.defense_evasion', 'attack.nonsense', 'cve.2024.1']).tactics).toEqual(['defense-evasion'])
})

test('the tactics with names are those that rules may carry, in the same order', () => {
  const file = new URL('../../../content/lookups/attack.yml', import.meta.url)
  const { tactics } = parse(readFileSync(file, 'utf8')) as { tactics: { key: string }[] }
  const keys = tactics.map(({ key }) => key)
  expect(attackOf(keys.map((key) => `attack.${key}`)).tactics).toEqual(keys)
})
