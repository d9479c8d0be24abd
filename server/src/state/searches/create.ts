import { z } from 'zod'
import { savedSearches } from '../../seams/store/schema/searches.ts'
import { parseInput } from '../input.ts'
import { ownUnitPath } from '../units/locate.ts'
import { type Context, write } from '../write.ts'
import { requireQuery, type SavedSearch, savedSearchFacts, savedSearchOf } from './saved-search.ts'

const createSavedSearchInput = z.strictObject({
  ...savedSearchFacts,
  columns: savedSearchFacts.columns.default([]),
  shared: savedSearchFacts.shared.default(false),
})

/** Keeps a search for the actor. Throws QUERY_INVALID, BAD_REQUEST. */
export async function createSavedSearch(
  context: Context,
  input: z.input<typeof createSavedSearchInput>,
): Promise<SavedSearch> {
  const { from, to, ...facts } = parseInput(createSavedSearchInput, input)
  requireQuery(facts.query)
  const { actor, clock } = context
  return write(context, { action: 'saved-search.create', permission: 'event:read' }, async (transaction) => {
    const now = new Date(clock.now())
    const unitPath = ownUnitPath(actor)
    const owner = { ownerKind: actor.kind, ownerId: actor.id, ownerName: actor.name }
    const [row] = await transaction
      .insert(savedSearches)
      .values({ ...facts, rangeFrom: from, rangeTo: to, ...owner, unitPath, createdAt: now, updatedAt: now })
      .returning()
    const detail = { name: facts.name, query: facts.query, shared: facts.shared }
    return { result: savedSearchOf(row!, actor), target: `saved-search:${row!.id}`, unitPath, detail }
  })
}
