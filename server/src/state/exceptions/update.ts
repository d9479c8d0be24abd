import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { exceptions } from '../../seams/store/schema/incidents.ts'
import { idNumber, parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import { requireVersion } from '../version.ts'
import { write } from '../write.ts'
import { tellException } from './create.ts'
import {
  type Exception,
  exceptionParts,
  exceptionView,
  lockException,
  nextRevision,
  requireSense,
} from './exception.ts'

const updateExceptionInput = z.strictObject({ id: idNumber, ...z.object(exceptionParts).partial().shape })

/** Changes what is given; the rest stays. Throws NOT_FOUND, BAD_REQUEST when the whole would make no sense. */
export async function updateException(
  context: LiveContext,
  input: z.input<typeof updateExceptionInput>,
): Promise<Exception> {
  const { id, ...given } = parseInput(updateExceptionInput, input)
  const change = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const { actor, clock } = context
  const updated = await write(
    context,
    { action: 'exception.update', permission: 'exception:write' },
    async (transaction) => {
      const before = await lockException(transaction, actor, id)
      await requireVersion(transaction, context, `exception:${id}`, before.revision)
      requireSense({ ...before, ...change }, clock.now())
      const revision = await nextRevision(transaction)
      const [row] = await transaction
        .update(exceptions)
        .set({ ...change, updatedAt: new Date(clock.now()), revision })
        .where(eq(exceptions.id, id))
        .returning()
      const replaced = Object.fromEntries(
        Object.keys(change).map((name) => [name, before[name as keyof typeof before]]),
      )
      const { unitPath } = before
      return {
        result: exceptionView(row!, clock.now()),
        target: `exception:${id}`,
        unitPath,
        detail: { before: replaced, after: change },
      }
    },
  )
  tellException(context, updated, 'changed')
  return updated
}
