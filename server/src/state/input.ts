import { z } from 'zod'
import { CodedError } from '../event/errors.ts'

/** Controls, and the marks that reorder text on screen so that a name reads as another (Unicode TR 36, bidi overrides). */
const forbiddenInNames = /[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u
// biome-ignore lint/suspicious/noControlCharactersInRegex: U+0000 is what must not get in
const forbiddenInText = /[\u0000\p{Cs}\u202a-\u202e\u2066-\u2069]/u

const forbidden = { error: 'control and direction characters are not allowed', params: { problem: 'characters' } }

/** A name people read: NFC, trimmed, one line, at most `lengthMax` characters. */
export function nameText(lengthMax = 200) {
  return z
    .string()
    .max(lengthMax * 4)
    .transform((text) => text.normalize('NFC').trim())
    .pipe(
      z
        .string()
        .min(1)
        .max(lengthMax)
        .refine((text) => !forbiddenInNames.test(text), forbidden),
    )
}

/** Free text of several lines. */
export function noteText(lengthMax = 4_000) {
  return z
    .string()
    .max(lengthMax)
    .refine((text) => !forbiddenInText.test(text), forbidden)
}

/** A row's numeric id. */
export const idNumber = z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER)

/** `true` or `false`, as a boolean or as a query string spells it. */
export const booleanQuery = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')])

/** Throws BAD_REQUEST naming every wrong field. */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'input'}: ${issue.message}`)
  throw new CodedError('BAD_REQUEST', problems.join('; '), { problems })
}
