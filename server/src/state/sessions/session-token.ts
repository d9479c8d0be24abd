import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../seams/clock/clock.ts'

/** A session ends this long after it was last used. */
export const idleMs = 30 * 60_000
/** And this long after sign-in, used or not. */
export const lifetimeMs = 12 * 3_600_000

/** 256 random bits; the browser keeps it in a cookie, we keep its SHA-256. */
export function newSessionToken(clock: Clock): string {
  return `wfs_${clock.random(32).toString('base64url')}`
}

/** What a page must send along with every change: known to whoever can read an answer, not to whoever can only cause a request. */
export function csrfTokenOf(sessionToken: string): string {
  return createHmac('sha256', sessionToken).update('watchfire csrf').digest('base64url')
}

/** Compares in constant time. */
export function isCsrfToken(sessionToken: string, given: string | undefined): boolean {
  const expected = Buffer.from(csrfTokenOf(sessionToken))
  const actual = Buffer.from(given ?? '')
  return actual.length === expected.length && timingSafeEqual(actual, expected)
}
