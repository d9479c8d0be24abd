import { z } from 'zod'
import { type ErrorCode, errorTable } from '../../event/errors.ts'

/** Every failure of the API has this body; the codes are listed in docs/reference/errors.md. */
export const errorBody = z
  .object({
    error: z.object({
      code: z.enum(Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]]),
      message: z.string().describe('What happened, in a sentence.'),
      hint: z.string().describe('What to do about it.'),
      detail: z.record(z.string(), z.unknown()),
      requestId: z.string(),
    }),
  })
  .meta({ id: 'Error' })

export const severity = z.enum(['informational', 'low', 'medium', 'high', 'critical']).meta({ id: 'Severity' })

/** Longest page a list gives out. */
const pageLimit = 500

/** Query parameters every list takes. `after` is the `next` of the page before. */
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(pageLimit).default(50),
  after: z.string().max(512).optional().describe('The `next` of the page before.'),
})

/** A list answer. `total` counts all that match; `next` is null on the last page. */
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    total: z.number().int(),
    totalIsLowerBound: z.boolean().optional().describe('Counting stopped at its bound: there are more.'),
    next: z.string().nullable(),
  })
}

/** Repeated (`?status=new&status=closed`) or comma-separated values. */
export function manyOf<Item extends z.ZodType<unknown, string>>(item: Item) {
  return z
    .preprocess(
      (value) => (value === undefined ? undefined : [value].flat().flatMap((text) => String(text).split(','))),
      z.array(item).max(50).optional(),
    )
    .meta({ description: 'One value, several separated by commas, or the parameter repeated.' })
}

/** `?flag=true` */
export const flag = z.enum(['true', 'false']).transform((text) => text === 'true')

export const numericId = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER)
export const numericIdParams = z.object({ id: numericId })
export const textIdParams = z.object({ id: z.string().min(1).max(256) })

/** A point in time: ISO 8601, milliseconds since the epoch, or relative to now (`now`, `now-24h`, `now-7d`). */
export const timeInput = z
  .union([
    z.number().int().min(0).max(8.64e15),
    z
      .string()
      .regex(
        /^(now(-\d{1,6}(s|m|h|d|w))?|\d{1,16}|\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?)$/,
      ),
  ])
  .describe('ISO 8601, milliseconds since the epoch, or relative: `now`, `now-15m`, `now-7d`.')

/** ISO text as a Date; undefined stays. */
export function time(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text)
}

export const noContent = z.null().describe('Nothing to say: done.')
