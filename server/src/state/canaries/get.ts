import { z } from 'zod'
import { parseInput } from '../input.ts'
import { type Context, read } from '../write.ts'
import { type Canary, loadCanary } from './canary.ts'

/** One canary. Throws FORBIDDEN, NOT_FOUND. */
export async function getCanary(context: Context, id: string): Promise<Canary> {
  const wanted = parseInput(z.string().max(64), id)
  return read(context, 'source:read', (database) => loadCanary(database, context.actor, wanted))
}
