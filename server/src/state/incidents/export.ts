import { z } from 'zod'
import { parseInput } from '../input.ts'
import { type Context, requirePermission, write } from '../write.ts'
import { incidentFilter } from './filter.ts'
import { type Incident, ownUnit } from './incident.ts'
import { listIncidents } from './list.ts'

const exportIncidentsQuery = z.strictObject({
  ...incidentFilter,
  limit: z.coerce.number().int().min(1).max(100_000).default(100_000),
})

const pageSize = 500

/**
 * The incidents a list with the same filter shows, newest activity first, page by page. That they were exported, and by
 * which filter, is audited before the first page. Needs `event:export` and `incident:read`.
 */
export async function* exportIncidents(
  context: Context,
  query: z.input<typeof exportIncidentsQuery> = {},
): AsyncGenerator<Incident[]> {
  const { limit, ...filter } = parseInput(exportIncidentsQuery, query)
  requirePermission(context.actor, 'incident:read')
  await write(context, { action: 'incident.export', permission: 'event:export' }, async () => ({
    result: undefined,
    target: 'incidents',
    unitPath: ownUnit(context.actor),
    detail: { filter, limit },
  }))
  let cursor: string | undefined
  for (let left = limit; left > 0; ) {
    const page = await listIncidents(context, { ...filter, cursor, limit: Math.min(pageSize, left) })
    if (page.items.length > 0) yield page.items
    left -= page.items.length
    if (page.next === null) return
    cursor = page.next
  }
}
