import { and, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import { users } from '../../seams/store/schema/identity.ts'
import { incidents } from '../../seams/store/schema/incidents.ts'
import { parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { type Context, read } from '../write.ts'
import { countIncidentsWhere, incidentCondition, incidentFilter, requireOrder } from './filter.ts'
import { type Incident, incidentColumns, incidentView } from './incident.ts'

const listIncidentsQuery = z.strictObject({
  ...pageQuery,
  ...incidentFilter,
  sort: z.enum(['lastSeenAt', 'score', 'openedAt', 'severity']).default('lastSeenAt'),
  direction: z.enum(['asc', 'desc']).default('desc'),
})

const columns = {
  lastSeenAt: sql`${incidents.lastSeenAt}`,
  score: sql`${incidents.score}`,
  openedAt: sql`${incidents.openedAt}`,
  severity: sql`${incidents.severityRank}`,
}

/** Incidents of the actor's units. Throws NOT_FOUND for a unit outside them, BAD_REQUEST for a wrong filter. */
export async function listIncidents(
  context: Context,
  query: z.input<typeof listIncidentsQuery> = {},
): Promise<Page<Incident>> {
  const { limit, cursor, sort, direction, ...filter } = parseInput(listIncidentsQuery, query)
  requireOrder(filter)
  const keyset: Keyset = { name: sort, column: columns[sort], id: sql`${incidents.id}`, direction }
  return read(context, 'incident:read', async (database) => {
    const condition = await incidentCondition(database, context.actor, filter)
    const rows = await database
      .select(incidentColumns)
      .from(incidents)
      .leftJoin(users, eq(users.id, incidents.assigneeId))
      .where(and(condition, afterCursor(keyset, cursor)))
      .orderBy(orderBy(keyset))
      .limit(limit + 1)
    const sortValue = ({ incident }: (typeof rows)[number]) =>
      sort === 'severity' ? incident.severityRank : sort === 'score' ? incident.score : incident[sort]!
    const total = await countIncidentsWhere(database, condition)
    return pageOf(keyset, rows, limit, total, (row) => [sortValue(row), row.incident.id], incidentView)
  })
}
