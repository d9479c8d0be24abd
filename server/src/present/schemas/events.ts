import { z } from 'zod'
import { queryProblemCodes } from '../../event/query-problem.ts'
import { timeInput } from './common.ts'

/** Flat ECS document: `@timestamp` (ISO 8601, UTC), `event.id` and every field the event has. */
export const eventDocument = z
  .looseObject({ '@timestamp': z.string(), 'event.id': z.string() })
  .meta({ id: 'EventDocument' })

/** Longest query text, in characters. */
export const queryTextLimit = 4096

export const searchScope = z.object({
  query: z
    .string()
    .max(queryTextLimit)
    .default('')
    .describe('KQL/Lucene style, e.g. `source.ip:10.0.0.0/8 and not user.name:root`.'),
  from: timeInput.default('now-24h'),
  to: timeInput.default('now'),
})

export const searchInput = searchScope.extend({
  limit: z.number().int().min(1).max(1000).default(100),
  sort: z.enum(['-@timestamp', '@timestamp']).default('-@timestamp'),
  after: z.string().max(512).optional().describe('The `next` of the page before.'),
  columns: z
    .array(z.string().min(1).max(200))
    .max(100)
    .optional()
    .describe('Fields to give out; all when left out. `@timestamp` and `event.id` always come.'),
})

const sql = z.string().describe('The SQL that was run, with its parameters shown.')

export const searchResult = z
  .object({
    items: z.array(eventDocument),
    total: z.number().int(),
    next: z.string().nullable(),
    sql,
    tookMs: z.number(),
  })
  .meta({ id: 'SearchResult' })

export const histogramInput = searchScope.extend({
  buckets: z.number().int().min(1).max(500).default(60),
  by: z.string().max(200).optional().describe('Splits each bucket by the most frequent values of this field.'),
})

export const histogramResult = z
  .object({
    intervalMs: z.number().int(),
    from: z.date(),
    to: z.date(),
    total: z.number().int(),
    buckets: z.array(
      z.object({
        at: z.date(),
        count: z.number().int(),
        by: z.record(z.string(), z.number().int()).optional(),
      }),
    ),
    sql,
    tookMs: z.number(),
  })
  .meta({ id: 'HistogramResult' })

export const facetsInput = searchScope.extend({
  fields: z.array(z.string().min(1).max(200)).min(1).max(20),
  limit: z.number().int().min(1).max(100).default(10),
})

export const facetsResult = z
  .object({
    facets: z.array(
      z.object({
        field: z.string(),
        present: z.number().int().describe('Events that have the field.'),
        values: z.array(z.object({ value: z.string(), count: z.number().int() })),
      }),
    ),
    total: z.number().int(),
    sql,
    tookMs: z.number(),
  })
  .meta({ id: 'FacetsResult' })

export const validateResult = z
  .object({
    valid: z.boolean(),
    normalised: z.string().nullable().describe('The query as it was understood.'),
    fields: z.array(z.string()),
    problem: z
      .object({
        problem: z.enum(queryProblemCodes).describe('What is wrong, for clients that say it in another language.'),
        parameters: z.record(z.string(), z.string()),
        message: z.string(),
        position: z.number().int().describe('Offset in the query text, in UTF-16 units.'),
        length: z.number().int(),
        suggestions: z.array(z.string()),
      })
      .nullable(),
  })
  .meta({ id: 'ValidateResult' })

export const exportQuery = z.object({
  query: z.string().max(queryTextLimit).default(''),
  from: timeInput.default('now-24h'),
  to: timeInput.default('now'),
  format: z.enum(['ndjson', 'csv']).default('ndjson'),
  columns: z.string().max(4096).optional().describe('Comma-separated fields.'),
  limit: z.coerce.number().int().min(1).max(1_000_000).default(100_000),
})

export const eventDetail = z
  .object({
    event: eventDocument,
    unitPath: z.string(),
    sourceKey: z.string(),
    receivedAt: z.date(),
    raw: z.object({
      base64: z.string().describe('The bytes exactly as they came.'),
      text: z.string().describe('The bytes decoded for reading.'),
      encoding: z.enum(['utf-8', 'utf-16', 'gb18030', 'latin1', 'binary']),
      sizeBytes: z.number().int(),
    }),
    explanation: z.object({
      parser: z.string().nullable().describe('Kind of log it was read as; null when no parser understood it.'),
      detections: z.array(
        z.object({
          id: z.string(),
          ruleId: z.string(),
          ruleTitle: z.string(),
          ruleTitleZh: z.string().nullable(),
          severity: z.string(),
          incidentId: z.number().int().nullable(),
          matched: z.array(z.object({ part: z.string(), field: z.string(), value: z.string() })),
        }),
      ),
    }),
  })
  .meta({ id: 'EventDetail' })

export const fieldInfo = z
  .object({
    name: z.string(),
    type: z.string(),
    description: z.object({ zh: z.string(), en: z.string() }),
    column: z.boolean().describe('A typed column of the event store, thus fast.'),
  })
  .meta({ id: 'FieldInfo' })

export const savedSearch = z
  .object({
    id: z.number().int(),
    name: z.string(),
    query: z.string(),
    from: z.string(),
    to: z.string(),
    columns: z.array(z.string()),
    shared: z.boolean().describe('Seen by everyone in the unit and above; else by its owner alone.'),
    own: z.boolean().describe('False for one that somebody else shared: it can be run, not changed.'),
    ownerName: z.string(),
    unitPath: z.string(),
    version: z.number().int().describe('Rises with every change a person makes; the ETag.'),
    createdAt: z.date(),
    updatedAt: z.date(),
  })
  .meta({ id: 'SavedSearch' })

export const savedSearchInput = z.object({
  name: z.string().trim().min(1).max(200),
  query: z.string().max(queryTextLimit),
  from: z.string().max(64).default('now-24h'),
  to: z.string().max(64).default('now'),
  columns: z.array(z.string().max(200)).max(100).default([]),
  shared: z.boolean().default(false),
})

export const savedSearchChange = z
  .object({
    name: savedSearchInput.shape.name,
    query: savedSearchInput.shape.query,
    from: z.string().min(1).max(64),
    to: z.string().min(1).max(64),
    columns: z.array(z.string().max(200)).max(100),
    shared: z.boolean(),
  })
  .partial()
