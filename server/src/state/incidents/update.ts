import { z } from 'zod'
import { idNumber, parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import type { IncidentChange } from './change.ts'
import { changeOne } from './change-one.ts'
import { type Incident, openStatuses, severities } from './incident.ts'

const updateIncidentInput = z.strictObject({
  id: idNumber,
  /** null: nobody. */
  assigneeId: idNumber.nullish(),
  status: z.enum(openStatuses).optional(),
  /** A person's severity instead of the score's; the score no longer moves it. */
  severity: z.enum(severities).optional(),
})

/**
 * Gives an open incident to a person, moves it between its open states, sets its severity: all that is given, or nothing.
 * Throws NOT_FOUND for an incident or person outside the actor's units, CONFLICT when it is closed or the person cannot
 * work on it, CHANGED_MEANWHILE.
 */
export async function updateIncident(
  context: LiveContext,
  input: z.input<typeof updateIncidentInput>,
): Promise<Incident> {
  const { id, assigneeId, status, severity } = parseInput(updateIncidentInput, input)
  const changes: IncidentChange[] = []
  if (assigneeId !== undefined) changes.push({ action: 'assign', assigneeId })
  if (status !== undefined) changes.push({ action: 'status', status })
  if (severity !== undefined) changes.push({ action: 'severity', severity })
  return changeOne(context, id, changes)
}
