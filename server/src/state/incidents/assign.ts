import { z } from 'zod'
import { idNumber, parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import { changeOne } from './change-one.ts'
import type { Incident } from './incident.ts'

const assignIncidentInput = z.strictObject({ id: idNumber, assigneeId: idNumber.nullable() })

/**
 * Gives the incident to a person, or to nobody. Throws NOT_FOUND for an incident or person outside the actor's units,
 * CONFLICT when it is closed or the person cannot work on it.
 */
export async function assignIncident(
  context: LiveContext,
  input: z.input<typeof assignIncidentInput>,
): Promise<Incident> {
  const { id, assigneeId } = parseInput(assignIncidentInput, input)
  return changeOne(context, id, { action: 'assign', assigneeId })
}
