import { eq } from 'drizzle-orm'
import type { z } from 'zod'
import { exceptions } from '../../seams/store/schema/incidents.ts'
import { parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import { requireVersion } from '../version.ts'
import { write } from '../write.ts'
import { tellException } from './create.ts'
import { exceptionId, exceptionView, lockException, nextRevision } from './exception.ts'

/** Ends an exception at once; what it hid stays counted and findable. Throws NOT_FOUND. */
export async function removeException(context: LiveContext, input: z.input<typeof exceptionId>): Promise<void> {
  const { id } = parseInput(exceptionId, input)
  const { actor, clock } = context
  const removed = await write(
    context,
    { action: 'exception.remove', permission: 'exception:write' },
    async (transaction) => {
      const { unitPath, name, hitCount, revision: version } = await lockException(transaction, actor, id)
      await requireVersion(transaction, context, `exception:${id}`, version)
      const revision = await nextRevision(transaction)
      const now = new Date(clock.now())
      const [row] = await transaction
        .update(exceptions)
        .set({ removedAt: now, updatedAt: now, revision })
        .where(eq(exceptions.id, id))
        .returning()
      return {
        result: exceptionView(row!, clock.now()),
        target: `exception:${id}`,
        unitPath,
        detail: { name, hitCount },
      }
    },
  )
  tellException(context, removed, 'removed')
}
