import { CodedError } from '../../event/errors.ts'
import { beginRun } from '../../state/runs/begin.ts'
import { finishRun } from '../../state/runs/finish.ts'
import type { Context } from '../../state/write.ts'

/** What a run over history tells of itself when it ended well. */
interface Outcome<Result> {
  rowsRead: number
  matches: number
  result: Result
}

interface RunFacts {
  subjectId: string
  title: string
  windowFrom: Date
  windowTo: Date
}

/**
 * Enters a back-test into the ledger of runs before its first row is read, and closes it there whatever comes of it: done,
 * failed with its code, or cancelled by whoever aborted `signal`. Throws what the work throws, FORBIDDEN without `rule:read`.
 */
export async function recordedRun<Result>(
  context: Context,
  facts: RunFacts,
  signal: AbortSignal,
  work: () => Promise<Outcome<Result>>,
): Promise<Result> {
  const { id } = await beginRun(context, { kind: 'backtest', cause: 'manual', ...facts })
  let outcome: Outcome<Result>
  try {
    outcome = await work()
  } catch (error) {
    await finishRun(context, { id, ...endOf(error, signal) })
    throw error
  }
  const { rowsRead, matches, result } = outcome
  await finishRun(context, { id, state: 'succeeded', rowsRead, matches })
  return result
}

/** The program that ends aborts with a CodedError as the reason; a person aborts without one. */
function endOf(error: unknown, { aborted, reason }: AbortSignal) {
  if (aborted && !(reason instanceof CodedError)) return { state: 'cancelled' as const }
  const cause = aborted ? reason : error
  if (cause instanceof CodedError) return { state: 'failed' as const, errorCode: cause.code, error: cause.message }
  return { state: 'failed' as const, errorCode: 'INTERNAL', error: 'It failed; see the server log' }
}
