import { z } from 'zod'
import { parseInput } from '../input.ts'
import { type Context, read } from '../write.ts'
import { type Detection, loadDetection } from './detection.ts'

const getDetectionInput = z.strictObject({ id: z.string().min(1).max(64) })

/** One detection. Throws NOT_FOUND when it does not exist or lies outside the actor's units. */
export async function getDetection(context: Context, input: z.input<typeof getDetectionInput>): Promise<Detection> {
  const { id } = parseInput(getDetectionInput, input)
  return read(context, 'detection:read', (database) => loadDetection(database, context.actor, id))
}
