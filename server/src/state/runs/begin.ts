import { z } from 'zod'
import { runs } from '../../seams/store/schema/runs.ts'
import { parseInput } from '../input.ts'
import { translateStoreError } from '../store-error.ts'
import { rootUnitPath } from '../units/unit.ts'
import { type Context, requirePermission, requireScope } from '../write.ts'
import { type Run, runCauses, runKinds } from './run.ts'

const beginRunInput = z
  .strictObject({
    kind: z.enum(runKinds),
    /** Id of the analytic or the rule. */
    subjectId: z.string().min(1).max(256),
    title: z.string().max(500),
    titleZh: z.string().max(500).nullable().default(null),
    /** Whose events it reads; the actor's unit when left out. */
    unitPath: z
      .string()
      .regex(/^\/(\d+\/)+$/)
      .optional(),
    windowFrom: z.date(),
    windowTo: z.date(),
    cause: z.enum(runCauses),
    attempt: z.number().int().min(1).default(1),
  })
  .refine(({ windowFrom, windowTo }) => windowFrom < windowTo, {
    path: ['windowTo'],
    message: 'lies not after windowFrom',
  })

/**
 * Enters a run over stored events into the ledger before its first row is read. Finish it with `finishRun`, whatever comes
 * of it. Throws FORBIDDEN without `rule:read`, NOT_FOUND for a unit outside the actor's.
 */
export async function beginRun(context: Context, input: z.input<typeof beginRunInput>): Promise<Run> {
  const { unitPath, ...facts } = parseInput(beginRunInput, input)
  const { actor, clock, database } = context
  requirePermission(actor, 'rule:read')
  const path = unitPath ?? (actor.unitPath === '/' ? rootUnitPath : actor.unitPath)
  requireScope(actor, path, `unit:${path}`)
  const row = { ...facts, unitPath: path, state: 'running' as const, startedAt: new Date(clock.now()) }
  try {
    // unaudited: the ledger is the record of what ran; whoever asks for a run audits the asking.
    const [run] = await database
      .insert(runs)
      .values({ ...row, requestedBy: actor.name })
      .returning()
    return run!
  } catch (error) {
    throw translateStoreError(error)
  }
}
