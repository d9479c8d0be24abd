import { z } from 'zod'
import { idNumber, noteText, parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import { changeOne } from './change-one.ts'
import type { Incident } from './incident.ts'

const reopenIncidentInput = z.strictObject({ id: idNumber, note: noteText().optional() })

/** Takes a closed incident in hand again. Throws CONFLICT when it is not closed. */
export async function reopenIncident(
  context: LiveContext,
  input: z.input<typeof reopenIncidentInput>,
): Promise<Incident> {
  const { id, note } = parseInput(reopenIncidentInput, input)
  return changeOne(context, id, [{ action: 'reopen', note }])
}
