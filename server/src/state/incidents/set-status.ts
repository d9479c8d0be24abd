import { z } from 'zod'
import { idNumber, parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import { changeOne } from './change-one.ts'
import { type Incident, openStatuses } from './incident.ts'

const setIncidentStatusInput = z.strictObject({ id: idNumber, status: z.enum(openStatuses) })

/** Moves an open incident between its open states. Throws CONFLICT when it is closed: that is for `reopenIncident`. */
export async function setIncidentStatus(
  context: LiveContext,
  input: z.input<typeof setIncidentStatusInput>,
): Promise<Incident> {
  const { id, status } = parseInput(setIncidentStatusInput, input)
  return changeOne(context, id, { action: 'status', status })
}
