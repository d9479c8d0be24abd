import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { savedSearches } from '../../seams/store/schema/searches.ts'
import { idNumber, parseInput } from '../input.ts'
import { nextVersion, requireVersion } from '../version.ts'
import { type Context, write } from '../write.ts'
import { locateOwn, requireQuery, type SavedSearch, savedSearchFacts, savedSearchOf } from './saved-search.ts'

const updateSavedSearchInput = z.strictObject({ ...z.object(savedSearchFacts).partial().shape, id: idNumber })

/** Changes a search of the actor's own. Throws NOT_FOUND for any other, QUERY_INVALID, BAD_REQUEST. */
export async function updateSavedSearch(
  context: Context,
  input: z.input<typeof updateSavedSearchInput>,
): Promise<SavedSearch> {
  const { id, from, to, ...facts } = parseInput(updateSavedSearchInput, input)
  requireQuery(facts.query)
  const { actor, clock } = context
  return write(context, { action: 'saved-search.update', permission: 'event:read' }, async (transaction) => {
    const before = await locateOwn(transaction, actor, id)
    await requireVersion(transaction, context, `saved-search:${id}`, before.version)
    const [row] = await transaction
      .update(savedSearches)
      .set({
        ...facts,
        rangeFrom: from,
        rangeTo: to,
        updatedAt: new Date(clock.now()),
        version: nextVersion(savedSearches.version),
      })
      .where(eq(savedSearches.id, id))
      .returning()
    const { unitPath } = before
    return {
      result: savedSearchOf(row!, actor),
      target: `saved-search:${id}`,
      unitPath,
      detail: { ...facts, from, to },
    }
  })
}
