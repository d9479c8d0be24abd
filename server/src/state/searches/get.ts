import { and, eq } from 'drizzle-orm'
import { savedSearches } from '../../seams/store/schema/searches.ts'
import { type Context, read } from '../write.ts'
import { readableBy, type SavedSearch, savedSearchNotFound, savedSearchOf } from './saved-search.ts'

/** One saved search: the actor's own, or one shared in the actor's units. Throws NOT_FOUND for any other. */
export async function getSavedSearch(context: Context, id: number): Promise<SavedSearch> {
  return read(context, 'event:read', async (database) => {
    const [row] = await database
      .select()
      .from(savedSearches)
      .where(and(eq(savedSearches.id, id), readableBy(context.actor)))
    if (!row) throw savedSearchNotFound(id)
    return savedSearchOf(row, context.actor)
  })
}
