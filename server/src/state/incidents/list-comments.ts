import { and, count, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import { incidentActivity } from '../../seams/store/schema/incidents.ts'
import { idNumber, parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { type Context, read } from '../write.ts'
import type { Comment } from './comment.ts'
import { requireVisible } from './incident.ts'

const listCommentsQuery = z.strictObject({ ...pageQuery, id: idNumber })

const oldestFirst: Keyset = {
  name: 'at',
  column: sql`${incidentActivity.at}`,
  id: sql`${incidentActivity.id}`,
  direction: 'asc',
}

/** Comments on an incident, oldest first. */
export async function listComments(context: Context, query: z.input<typeof listCommentsQuery>): Promise<Page<Comment>> {
  const { id, limit, cursor } = parseInput(listCommentsQuery, query)
  return read(context, 'incident:read', async (database) => {
    await requireVisible(database, context.actor, id)
    const filter = and(eq(incidentActivity.incidentId, id), eq(incidentActivity.kind, 'comment'))
    const rows = await database
      .select()
      .from(incidentActivity)
      .where(and(filter, afterCursor(oldestFirst, cursor)))
      .orderBy(orderBy(oldestFirst))
      .limit(limit + 1)
    const [counted] = await database.select({ total: count() }).from(incidentActivity).where(filter)
    return pageOf(
      oldestFirst,
      rows,
      limit,
      counted?.total ?? 0,
      (row) => [row.at, row.id],
      (row) => ({ id: row.id, author: row.actorName, text: String(row.detail.text ?? ''), createdAt: row.at }),
    )
  })
}
