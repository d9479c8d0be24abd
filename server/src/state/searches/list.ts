import { and, count, sql } from 'drizzle-orm'
import { z } from 'zod'
import { savedSearches } from '../../seams/store/schema/searches.ts'
import { parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { containsText } from '../scope.ts'
import { type Context, read } from '../write.ts'
import { readableBy, type SavedSearch, savedSearchOf } from './saved-search.ts'

const listSavedSearchesQuery = z.strictObject({ ...pageQuery, text: z.string().max(200).optional() })

const byName: Keyset = {
  name: 'name',
  column: sql`${savedSearches.name}`,
  id: sql`${savedSearches.id}`,
  direction: 'asc',
}

/** The actor's own searches, and those shared in the actor's units, by name. */
export async function listSavedSearches(
  context: Context,
  query: z.input<typeof listSavedSearchesQuery> = {},
): Promise<Page<SavedSearch>> {
  const { limit, cursor, text } = parseInput(listSavedSearchesQuery, query)
  const { actor } = context
  return read(context, 'event:read', async (database) => {
    const filter = and(readableBy(actor), text ? containsText(savedSearches.name, text) : undefined)
    const rows = await database
      .select()
      .from(savedSearches)
      .where(and(filter, afterCursor(byName, cursor)))
      .orderBy(orderBy(byName))
      .limit(limit + 1)
    const [counted] = await database.select({ total: count() }).from(savedSearches).where(filter)
    return pageOf(
      byName,
      rows,
      limit,
      counted?.total ?? 0,
      (row) => [row.name, row.id],
      (row) => savedSearchOf(row, actor),
    )
  })
}
