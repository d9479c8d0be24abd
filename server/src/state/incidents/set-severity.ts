import { z } from 'zod'
import { idNumber, parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import { changeOne } from './change-one.ts'
import { type Incident, severities } from './incident.ts'

const setIncidentSeverityInput = z.strictObject({ id: idNumber, severity: z.enum(severities) })

/** A person's severity instead of the score's; the score no longer moves it. Throws CONFLICT when it is closed. */
export async function setIncidentSeverity(
  context: LiveContext,
  input: z.input<typeof setIncidentSeverityInput>,
): Promise<Incident> {
  const { id, severity } = parseInput(setIncidentSeverityInput, input)
  return changeOne(context, id, { action: 'severity', severity })
}
