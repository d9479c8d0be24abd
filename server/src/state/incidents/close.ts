import { z } from 'zod'
import { idNumber, noteText, parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import { changeOne } from './change-one.ts'
import { closeReasons, type Incident } from './incident.ts'

const closeIncidentInput = z.strictObject({
  id: idNumber,
  reason: z.enum(closeReasons),
  note: noteText().optional(),
  /** With reason `duplicate`: the incident it repeats. */
  duplicateOf: idNumber.optional(),
})

/**
 * Closes with a reason. Later activity does not open it again but opens another that continues it. Throws CONFLICT when
 * it is closed already, NOT_FOUND when it or the original lie outside the actor's units.
 */
export async function closeIncident(
  context: LiveContext,
  input: z.input<typeof closeIncidentInput>,
): Promise<Incident> {
  const { id, ...change } = parseInput(closeIncidentInput, input)
  return changeOne(context, id, [{ action: 'close', ...change }])
}
