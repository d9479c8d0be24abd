import { z } from 'zod'
import { rareFields } from '../../state/traffic/rare.ts'
import { searchScope } from './events.ts'

const total = z.number().int()

export const trafficSummaryInput = searchScope.extend({
  limit: z.number().int().min(1).max(500).default(20).describe('Most rows of each table.'),
})

export const trafficSummaryResult = z
  .object({
    query: z.string().describe('The query all figures are of; a row adds its values.'),
    flows: total,
    bytes: total,
    packets: total,
    sources: total.describe('Distinct addresses that began a conversation.'),
    destinations: total,
    breakdowns: z.array(
      z.object({
        name: z.enum(['directions', 'pairs', 'units', 'protocols', 'services', 'countriesTo', 'countriesFrom']),
        fields: z.array(z.string()),
        rows: z.array(
          z.object({
            values: z.array(z.string()).describe('One text for each field, empty where it is absent.'),
            flows: total,
            bytes: total,
          }),
        ),
      }),
    ),
    talkers: z.array(z.object({ address: z.string(), flows: total, sentBytes: total, receivedBytes: total })),
    tookMs: z.number(),
  })
  .meta({ id: 'TrafficSummary' })

export const rareInput = searchScope.extend({
  field: z.enum(rareFields),
  hostsMax: z.number().int().min(1).max(1000).default(2).describe('Rare is what at most so many addresses have.'),
  earlierDays: z.number().int().min(1).max(3650).default(30).describe('New is what was not seen so long before.'),
  limit: z.number().int().min(1).max(500).default(20),
})

export const rareResult = z
  .object({
    field: z.string(),
    query: z.string(),
    total,
    items: z.array(
      z.object({ value: z.string(), hosts: total, count: total, firstSeenAt: z.date(), isNew: z.boolean() }),
    ),
    tookMs: z.number(),
  })
  .meta({ id: 'RareValues' })
