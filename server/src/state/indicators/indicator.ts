import { domainToASCII } from 'node:url'
import { z } from 'zod'
import type { Severity } from '../../event/event.ts'
import { canonicalIp } from '../../lib/ip-address.ts'
import { canonicalNetwork } from '../../lib/ip-network.ts'
import type { indicators } from '../../seams/store/schema/assets.ts'
import { noteText } from '../input.ts'

export const indicatorTypes = ['ip', 'cidr', 'domain', 'url', 'sha256', 'sha1', 'md5', 'email'] as const

export type IndicatorType = (typeof indicatorTypes)[number]

type Row = typeof indicators.$inferSelect

export interface Indicator extends Omit<Row, 'unitId'> {
  /** Not past its expiry. */
  active: boolean
}

export function indicatorOf({ unitId: _, ...row }: Row, now: Date): Indicator {
  return { ...row, active: row.expiresAt === null || row.expiresAt > now }
}

const severities = ['informational', 'low', 'medium', 'high', 'critical'] as const satisfies Severity[]

/** What people and feeds tell of an indicator. */
export const indicatorInput = z
  .strictObject({
    type: z.enum(indicatorTypes),
    value: z.string().trim().min(1).max(2_048),
    severity: z.enum(severities).default('high'),
    confidence: z.coerce.number().int().min(0).max(100).default(75),
    description: noteText(2_000).default(''),
    origin: noteText(200).default('manual'),
    expiresAt: z.coerce.date().nullable().default(null),
  })
  .transform((input, context) => {
    const value = canonicalValue(input.type, input.value)
    if (value !== undefined) return { ...input, value }
    const params = { problem: 'indicator', type: input.type }
    context.addIssue({ code: 'custom', path: ['value'], message: `is no ${input.type}`, params })
    return z.NEVER
  })

/**
 * The one spelling of a value, as the matcher looks for it; undefined when it is none of its type. Values that were made
 * harmless for reading (`hxxp://bad[.]example`) are read as what they stand for.
 */
export function canonicalValue(type: IndicatorType, text: string): string | undefined {
  const plain = text
    .trim()
    .replace(/\[([.:@])\]/g, '$1')
    .replace(/\[dot\]/gi, '.')
    .replace(/^hxxp/i, 'http')
  switch (type) {
    case 'ip':
      return canonicalIp(plain)
    case 'cidr':
      return canonicalNetwork(plain)
    case 'domain':
      return canonicalDomain(plain)
    case 'url':
      return canonicalUrl(plain)
    case 'email':
      return /^[^\s@]{1,64}@[^\s@]{1,255}$/.test(plain) ? plain.toLowerCase() : undefined
    case 'sha256':
      return hexOfLength(plain, 64)
    case 'sha1':
      return hexOfLength(plain, 40)
    case 'md5':
      return hexOfLength(plain, 32)
  }
}

function canonicalDomain(text: string): string | undefined {
  const ascii = domainToASCII(text.replace(/\.$/, '')).toLowerCase()
  if (ascii === '' || ascii.length > 253 || canonicalIp(ascii) !== undefined) return undefined
  return /^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}$/.test(ascii) ? ascii : undefined
}

function canonicalUrl(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url && /^(https?|ftp):$/.test(url.protocol) ? url.href : undefined
}

function hexOfLength(text: string, length: number): string | undefined {
  return text.length === length && /^[0-9a-f]+$/i.test(text) ? text.toLowerCase() : undefined
}
