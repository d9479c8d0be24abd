import { describe, expect, it } from 'vitest'
import { complete, rankFields, wordAt } from './completion.ts'

describe('completion of the query bar', () => {
  it('tells a field from a value', () => {
    expect(wordAt('sou', 3)).toMatchObject({ kind: 'field', text: 'sou', start: 0, end: 3 })
    expect(wordAt('a:1 and host.na', 15)).toMatchObject({ kind: 'field', text: 'host.na', start: 8 })
    expect(wordAt('source.ip:10.', 13)).toMatchObject({ kind: 'value', field: 'source.ip', text: '10.', start: 10 })
    expect(wordAt('user.name:"Admin Us', 19)).toMatchObject({
      kind: 'value',
      field: 'user.name',
      text: 'Admin Us',
      start: 10,
    })
    expect(wordAt('-event.ac', 9)).toMatchObject({ kind: 'field', text: 'event.ac', start: 1 })
    expect(wordAt('(', 1)).toMatchObject({ kind: 'field', text: '', start: 1 })
  })

  it('replaces the word the caret stands in, not more', () => {
    const query = 'sou AND user.name:root'
    expect(complete(query, wordAt(query, 3), 'source.ip')).toEqual({
      query: 'source.ip: AND user.name:root',
      caret: 10,
    })
    const value = 'source.ip:10. AND x:1'
    expect(complete(value, wordAt(value, 13), '10.0.0.1')).toEqual({ query: 'source.ip:10.0.0.1 AND x:1', caret: 19 })
    const begun = 'host.name:'
    expect(complete(begun, wordAt(begun, 10), '"a b"')).toEqual({ query: 'host.name:"a b" ', caret: 16 })
    const again = 'host.na:x'
    expect(complete(again, wordAt(again, 7), 'host.name').query).toBe('host.name:x')
  })

  it('ranks what begins with the text before what holds it', () => {
    const fields = ['destination.ip', 'ip', 'source.ip', 'host.ip_count', 'description'].map((name) => ({ name }))
    expect(rankFields(fields, 'ip').map(({ name }) => name)).toEqual([
      'ip',
      'source.ip',
      'host.ip_count',
      'destination.ip',
      'description',
    ])
    expect(rankFields(fields, 'zzz')).toEqual([])
  })
})
