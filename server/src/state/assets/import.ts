import { and, eq } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { assets } from '../../seams/store/schema/assets.ts'
import type { Transaction } from '../../seams/store/store.ts'
import type { Actor } from '../actor.ts'
import { type LineProblem, lineProblems } from '../line-problems.ts'
import { translateStoreError } from '../store-error.ts'
import { locateUnit, ownUnitId, ownUnitPath } from '../units/locate.ts'
import { type Context, write } from '../write.ts'
import { locateAsset, wholeAsset } from './asset.ts'
import { insertAsset } from './create.ts'
import { changeAsset } from './update.ts'

/** One thing to import and where it stood, so that what is refused can be found. */
export interface ImportLine {
  line: number
  item: unknown
}

export interface ImportResult {
  /** Added or changed. */
  imported: number
  unchanged: number
  rejected: RejectedLine[]
}

/** A line that was left out: by its fields, or as a whole by the error of the code. */
interface RejectedLine {
  line: number
  message: string
  code: string
  problems: LineProblem[]
}

const linesMax = 5_000

const importedAsset = z.object(wholeAsset)

/**
 * Adds or changes many assets, matched by name within the unit, in one transaction and with one audit row. A line that is
 * wrong is told and left out; the others go in. Throws TOO_LARGE beyond 5,000 lines.
 */
export async function importAssets(context: Context, lines: readonly ImportLine[]): Promise<ImportResult> {
  if (lines.length > linesMax) throw new CodedError('TOO_LARGE', `At most ${linesMax} assets at once`, { linesMax })
  const { actor } = context
  const now = new Date(context.clock.now())
  return write(context, { action: 'asset.import', permission: 'source:write' }, async (transaction) => {
    const result: ImportResult = { imported: 0, unchanged: 0, rejected: [] }
    for (const { line, item } of lines) {
      try {
        // A savepoint: what the database refuses of one line does not end the others.
        const changed = await transaction.transaction((savepoint) => importOne(savepoint, actor, item, now))
        if (changed) result.imported++
        else result.unchanged++
      } catch (error) {
        result.rejected.push({ line, ...refusalOf(error) })
      }
    }
    const unitPath = ownUnitPath(actor)
    const detail = { imported: result.imported, unchanged: result.unchanged, rejected: result.rejected.length }
    return { result, target: 'asset:many', unitPath, detail, unchanged: result.imported === 0 }
  })
}

/** False when the asset was so already. */
async function importOne(transaction: Transaction, actor: Actor, item: unknown, now: Date): Promise<boolean> {
  const parsed = importedAsset.safeParse(item)
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'asset'}: ${issue.message}`)
    throw new CodedError('BAD_REQUEST', problems.join('; '), { problems, line: lineProblems(parsed.error) })
  }
  const unitId = parsed.data.unitId ?? ownUnitId(actor)
  const unit = await locateUnit(transaction, actor, unitId, 'share')
  const byName = and(eq(assets.unitId, unit.id), eq(assets.name, parsed.data.name))
  const [present] = await transaction.select({ id: assets.id }).from(assets).where(byName).for('update')
  if (!present) {
    await insertAsset(transaction, actor, { ...parsed.data, unitId }, now)
    return true
  }
  const before = await locateAsset(transaction, actor, present.id)
  const told = new Set(Object.keys(item as object))
  // What the line does not tell stays as it is.
  const facts = Object.fromEntries(Object.entries(parsed.data).filter(([key]) => told.has(key)))
  const { changed } = await changeAsset(transaction, actor, before, facts, now)
  return changed.length > 0
}

/** An expected failure of one line; anything else ends the import. */
function refusalOf(error: unknown): Omit<RejectedLine, 'line'> {
  const translated = translateStoreError(error)
  if (!(translated instanceof CodedError) || translated.retry) throw error
  const { code, message, detail } = translated
  return { code, message, problems: (detail?.line as LineProblem[] | undefined) ?? [] }
}
