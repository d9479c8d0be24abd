import { idNumber, parseInput } from '../input.ts'
import { type Context, read } from '../write.ts'
import { loadRun, type Run } from './run.ts'

/** One run of the ledger. Throws FORBIDDEN, NOT_FOUND. */
export async function getRun(context: Context, id: number): Promise<Run> {
  const wanted = parseInput(idNumber, id)
  return read(context, 'rule:read', (database) => loadRun(database, context.actor, wanted))
}
