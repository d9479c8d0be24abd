import { describe, expect, it } from 'vitest'
import { clause, quoteValue, withClause } from './query.ts'

describe('query clauses', () => {
  it('quotes whatever could be read as an operator', () => {
    expect(quoteValue('sshd')).toBe('sshd')
    expect(quoteValue('10.0.0.1')).toBe('10.0.0.1')
    expect(quoteValue('用户')).toBe('用户')
    expect(quoteValue('or')).toBe('"or"')
    expect(quoteValue('a b')).toBe('"a b"')
    expect(quoteValue('C:\\Windows\\"x"')).toBe('"C:\\\\Windows\\\\\\"x\\""')
    expect(quoteValue('2001:db8::1')).toBe('"2001:db8::1"')
    expect(quoteValue('*')).toBe('"*"')
    expect(quoteValue('')).toBe('""')
    expect(clause('user.name', 'root', true)).toBe('NOT user.name:root')
  })

  it('adds once and replaces the opposite', () => {
    expect(withClause('', 'user.name', 'root')).toBe('user.name:root')
    expect(withClause('*', 'user.name', 'root')).toBe('user.name:root')
    expect(withClause('host.name:a AND user.name:root', 'user.name', 'root')).toBe('host.name:a AND user.name:root')
    expect(withClause('user.name:root AND host.name:a', 'user.name', 'root', true)).toBe(
      'host.name:a AND NOT user.name:root',
    )
    expect(withClause('NOT user.name:root', 'user.name', 'root')).toBe('user.name:root')
  })

  it('never changes the meaning of an OR, and leaves quoted operators alone', () => {
    expect(withClause('a:1 OR b:2', 'c', '3')).toBe('(a:1 OR b:2) AND c:3')
    expect(withClause('message:"x OR y"', 'c', '3')).toBe('message:"x OR y" AND c:3')
    expect(withClause('(a:1 OR b:2) AND d:4', 'c', '3')).toBe('(a:1 OR b:2) AND d:4 AND c:3')
    expect(withClause('failed password', 'c', '3')).toBe('failed password AND c:3')
  })
})
