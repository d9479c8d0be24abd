import { describe, expect, it } from 'vitest'
import { resolveRange, resolveTime, toMs } from './time.ts'

const now = Date.parse('2026-03-01T12:00:00Z')

describe('time ranges of a link', () => {
  it('resolves relative, absolute and broken times', () => {
    expect(resolveTime('now', now)).toBe(now)
    expect(resolveTime('now-15m', now)).toBe(now - 900_000)
    expect(resolveTime('2026-03-01T11:00:00Z', now)).toBe(now - 3_600_000)
    expect(resolveTime('yesterday', now)).toBeUndefined()
    expect(resolveTime('now-9y', now)).toBeUndefined()
  })

  it('never yields an empty or reversed span', () => {
    expect(resolveRange({ from: 'now-1h', to: 'now' }, now)).toEqual({ fromMs: now - 3_600_000, toMs: now })
    expect(resolveRange({ from: 'x', to: 'y' }, now)).toEqual({ fromMs: now - 86_400_000, toMs: now })
    const reversed = resolveRange({ from: 'now', to: 'now-1h' }, now)
    expect(reversed.fromMs).toBeLessThan(reversed.toMs)
  })

  it('reads what the server sends', () => {
    expect(toMs('2026-03-01T12:00:00.000Z')).toBe(now)
    expect(toMs(now)).toBe(now)
    expect(toMs(null)).toBeUndefined()
    expect(toMs('nonsense')).toBeUndefined()
  })
})
