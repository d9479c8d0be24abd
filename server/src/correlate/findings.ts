import { inArray, sql } from 'drizzle-orm'
import type { Change } from '../event/change.ts'
import type { Detection } from '../event/event.ts'
import { triedRule } from '../event/rule-stage.ts'
import { ruleFindings } from '../seams/store/schema/rules.ts'
import type { Transaction } from '../seams/store/store.ts'
import { type DetectionRow, dedupe, mergeRows } from './dedupe.ts'
import type { CorrelateSettings } from './settings.ts'
import type { Suppressor } from './suppress.ts'

/** Firings of rules in force, and those of versions on trial under the ids these have in the rule set. */
export function separateTrials(matches: readonly Detection[]): { inForce: Detection[]; onTrial: Detection[] } {
  const inForce: Detection[] = []
  const onTrial: Detection[] = []
  for (const match of matches) {
    if (triedRule(match.ruleId) === undefined) inForce.push(match)
    else onTrial.push(match)
  }
  return { inForce, onTrial }
}

/**
 * Keeps firings of versions on trial, each version for itself and folded as detections are, where nobody is told of them and no incident opens. What an
 * exception would hide is marked and does not count among what the exception hid.
 */
export async function saveFindings(
  transaction: Transaction,
  matches: readonly Detection[],
  { suppressor, settings, nowMs }: { suppressor: Suppressor; settings: CorrelateSettings; nowMs: number },
): Promise<Change[]> {
  if (matches.length === 0) return []
  const judged = matches.map((match) => {
    const { ruleId } = triedRule(match.ruleId)!
    return { match, suppressedBy: suppressor.hiddenBy({ ...match, ruleId }, nowMs) }
  })
  const deltas = dedupe(judged, settings)
  const stored = await transaction
    .select({ id: ruleFindings.id, detection: ruleFindings.detection })
    .from(ruleFindings)
    .where(inArray(ruleFindings.id, [...deltas.keys()]))
    .for('update')
  const before = new Map(stored.map(({ id, detection }) => [id, detection as unknown as DetectionRow]))
  const now = new Date(nowMs)
  const rows = [...deltas.values()].map((delta) => {
    const known = before.get(delta.id)
    const row = known ? mergeRows(known, delta, settings) : delta
    const { ruleId, version } = triedRule(row.ruleId)!
    return {
      id: row.id,
      ruleId,
      ruleVersion: version,
      unitPath: row.unitPath,
      severity: row.severity,
      firstSeenAt: new Date(row.firstMs),
      lastSeenAt: new Date(row.lastMs),
      matchCount: row.matches,
      suppressedBy: row.suppressedBy,
      detection: row as unknown as Record<string, unknown>,
      createdAt: now,
      updatedAt: now,
    }
  })
  await transaction
    .insert(ruleFindings)
    .values(rows)
    .onConflictDoUpdate({
      target: ruleFindings.id,
      set: {
        severity: sql`excluded.severity`,
        firstSeenAt: sql`excluded.first_seen_at`,
        lastSeenAt: sql`excluded.last_seen_at`,
        matchCount: sql`excluded.match_count`,
        detection: sql`excluded.detection`,
        updatedAt: now,
      },
    })
  return rows.map(({ id, unitPath }) => ({ noun: 'finding', id, unitPath, action: 'changed', atMs: nowMs }))
}
