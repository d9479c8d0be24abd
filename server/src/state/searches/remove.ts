import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { savedSearches } from '../../seams/store/schema/searches.ts'
import { idNumber, parseInput } from '../input.ts'
import { requireVersion } from '../version.ts'
import { type Context, write } from '../write.ts'
import { locateOwn } from './saved-search.ts'

const removeSavedSearchInput = z.strictObject({ id: idNumber })

/** Removes a search of the actor's own. Throws NOT_FOUND for any other. */
export async function removeSavedSearch(
  context: Context,
  input: z.input<typeof removeSavedSearchInput>,
): Promise<void> {
  const { id } = parseInput(removeSavedSearchInput, input)
  await write(context, { action: 'saved-search.remove', permission: 'event:read' }, async (transaction) => {
    const { unitPath, name, version } = await locateOwn(transaction, context.actor, id)
    await requireVersion(transaction, context, `saved-search:${id}`, version)
    await transaction.delete(savedSearches).where(eq(savedSearches.id, id))
    return { result: undefined, target: `saved-search:${id}`, unitPath, detail: { name } }
  })
}
