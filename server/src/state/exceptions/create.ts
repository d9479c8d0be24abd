import { z } from 'zod'
import { exceptions } from '../../seams/store/schema/incidents.ts'
import { idNumber, parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import { locateUnit } from '../units/locate.ts'
import { rootUnitId } from '../units/unit.ts'
import { write } from '../write.ts'
import { type Exception, exceptionParts, exceptionView, nextRevision, requireSense } from './exception.ts'

const createExceptionInput = z.strictObject({
  ...exceptionParts,
  effect: exceptionParts.effect.default('hide'),
  ruleIds: exceptionParts.ruleIds.default([]),
  conditions: exceptionParts.conditions.default([]),
  /** The actor's own unit when left out. */
  unitId: idNumber.optional(),
})

/**
 * Makes an exception in force at once, for detections of its unit and below, until it expires. Throws BAD_REQUEST when
 * it would hide everything, NOT_FOUND for a unit outside the actor's.
 */
export async function createException(
  context: LiveContext,
  input: z.input<typeof createExceptionInput>,
): Promise<Exception> {
  const { unitId, ...parts } = parseInput(createExceptionInput, input)
  const { actor, clock } = context
  requireSense(parts, clock.now())
  const created = await write(
    context,
    { action: 'exception.create', permission: 'exception:write' },
    async (transaction) => {
      const unitPath = (await locateUnit(transaction, actor, unitId ?? ownUnitId(actor.unitPath), 'share')).path
      const now = new Date(clock.now())
      const owner = { ownerKind: actor.kind, ownerId: actor.id, ownerName: actor.name }
      const revision = await nextRevision(transaction)
      const [row] = await transaction
        .insert(exceptions)
        .values({ ...parts, ...owner, unitPath, createdAt: now, updatedAt: now, revision })
        .returning()
      return { result: exceptionView(row!, clock.now()), target: `exception:${row!.id}`, unitPath, detail: parts }
    },
  )
  tellException(context, created, 'created')
  return created
}

/** Last id of a path; the root's for the program itself. */
function ownUnitId(unitPath: string): number {
  const last = unitPath.split('/').at(-2)
  return last ? Number(last) : rootUnitId
}

export function tellException({ notify, clock }: LiveContext, { id, unitPath }: Exception, action: string): void {
  notify({ noun: 'exception', id: String(id), action, unitPath, atMs: clock.now() })
}
