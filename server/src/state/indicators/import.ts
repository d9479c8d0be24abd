import { sql } from 'drizzle-orm'
import type { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { indicators } from '../../seams/store/schema/assets.ts'
import type { Transaction } from '../../seams/store/store.ts'
import type { ImportLine, ImportResult } from '../assets/import.ts'
import { lineProblems } from '../line-problems.ts'
import { locateUnit, ownUnitId } from '../units/locate.ts'
import type { Unit } from '../units/unit.ts'
import { type Context, requirePermission, write } from '../write.ts'
import { indicatorInput } from './indicator.ts'

const linesMax = 100_000
const rowsAtOnce = 2_000

/**
 * Adds or renews many indicators of the actor's unit, matched by type and value, in one transaction and with one audit row.
 * A line that is wrong is told and left out. Throws TOO_LARGE beyond 100,000 lines.
 */
export async function importIndicators(context: Context, lines: readonly ImportLine[]): Promise<ImportResult> {
  requirePermission(context.actor, 'rule:write')
  if (lines.length > linesMax) throw new CodedError('TOO_LARGE', `At most ${linesMax} indicators at once`, { linesMax })
  const { rejected, facts } = parseLines(lines)
  return write(context, { action: 'indicator.import', permission: 'rule:write' }, async (transaction) => {
    const unit = await locateUnit(transaction, context.actor, ownUnitId(context.actor), 'share')
    let imported = 0
    for (let start = 0; start < facts.length; start += rowsAtOnce) {
      imported += await upsert(transaction, unit, facts.slice(start, start + rowsAtOnce), new Date(context.clock.now()))
    }
    const result = { imported, unchanged: lines.length - rejected.length - imported, rejected }
    const detail = { imported, unchanged: result.unchanged, rejected: rejected.length }
    return { result, target: 'indicator:many', unitPath: unit.path, detail, unchanged: imported === 0 }
  })
}

type Facts = z.output<typeof indicatorInput>

/** The facts of each type and value once, the last line telling, in a fixed order so that two imports never lock each other out. */
function parseLines(lines: readonly ImportLine[]): { rejected: ImportResult['rejected']; facts: Facts[] } {
  const rejected: ImportResult['rejected'] = []
  const byValue = new Map<string, Facts>()
  for (const { line, item } of lines) {
    const parsed = indicatorInput.safeParse(item)
    if (parsed.success) byValue.set(`${parsed.data.type} ${parsed.data.value}`, parsed.data)
    else
      rejected.push({
        line,
        code: 'BAD_REQUEST',
        problems: lineProblems(parsed.error),
        message: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '),
      })
  }
  const sorted = [...byValue.entries()].sort(([left], [right]) => (left < right ? -1 : 1))
  return { rejected, facts: sorted.map(([, facts]) => facts) }
}

/** How many rows are new or changed. */
async function upsert(transaction: Transaction, unit: Unit, facts: Facts[], now: Date): Promise<number> {
  const rows = facts.map((one) => ({ ...one, unitId: unit.id, unitPath: unit.path, createdAt: now, updatedAt: now }))
  const told = ['severity', 'confidence', 'description', 'origin', 'expires_at'].map((name) => sql.identifier(name))
  const present = sql.join(
    told.map((name) => sql`${indicators}.${name}`),
    sql`, `,
  )
  const given = sql.join(
    told.map((name) => sql`excluded.${name}`),
    sql`, `,
  )
  const changed = await transaction
    .insert(indicators)
    .values(rows)
    .onConflictDoUpdate({
      target: [indicators.unitId, indicators.type, indicators.value],
      set: {
        severity: sql`excluded.severity`,
        confidence: sql`excluded.confidence`,
        description: sql`excluded.description`,
        origin: sql`excluded.origin`,
        expiresAt: sql`excluded.expires_at`,
        updatedAt: now,
      },
      setWhere: sql`(${present}) IS DISTINCT FROM (${given})`,
    })
    .returning({ id: indicators.id })
  return changed.length
}
