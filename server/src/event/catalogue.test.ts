import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { coreFields, fieldType, isArrayField, isKnownField } from './catalogue.ts'

describe('field catalogue', () => {
  it('has no duplicate core field and describes each in both languages', () => {
    expect(new Set(coreFields.map((field) => field.name)).size).toBe(coreFields.length)
    for (const field of coreFields) {
      expect(field.description.zh, field.name).toMatch(/[\u4e00-\u9fff]/)
      expect(field.description.en, field.name).toMatch(/[a-z]/)
    }
  })

  it('knows core, ECS, reused and vendor names, and refuses others', () => {
    expect(fieldType('source.ip')).toBe('ip')
    expect(fieldType('process.parent.hash.sha1')).toBe('keyword')
    expect(fieldType('destination.geo.city_name')).toBe('keyword')
    expect(fieldType('user.effective.name')).toBe('keyword')
    expect(fieldType('winlog.event_data.TargetUserName')).toBe('keyword')
    expect(isArrayField('event.category')).toBe(true)
    expect(isKnownField('@timestamp')).toBe(true)
    for (const name of ['source.ipp', 'user.nmae', 'winlog.', 'foo', 'source', ''])
      expect(isKnownField(name), name).toBe(false)
  })

  const list = join(
    process.env.WATCHFIRE_SHARED ?? join(import.meta.dirname, '../../../../shared'),
    'data/logs/ecs-fields.csv',
  )
  it.skipIf(!existsSync(list))('agrees with the published ECS list of ../shared on every type', () => {
    const types: Record<string, string> = { wildcard: 'keyword', constant_keyword: 'keyword', match_only_text: 'text' }
    const disagreements: string[] = []
    let compared = 0
    for (const line of readFileSync(list, 'utf8').split('\n')) {
      const [, , , name, type] = line.split(',')
      if (!name || !type || !line.startsWith('9.')) continue
      const ours = fieldType(name)
      if (!ours || name.endsWith('.text') || name === 'process.command_line' || name.endsWith('.parent.command_line'))
        continue
      if (name === 'error.message') continue
      compared++
      let theirs = types[type] ?? type
      if (theirs === 'float' || theirs === 'scaled_float') theirs = 'double'
      if (['geo_point', 'object', 'flattened', 'nested'].includes(theirs)) theirs = 'keyword'
      if (ours !== theirs) disagreements.push(`${name}: ${ours}, listed as ${type}`)
    }
    expect(compared).toBeGreaterThan(900)
    expect(disagreements).toEqual([])
  })
})
