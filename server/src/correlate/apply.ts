import type { Change } from '../event/change.ts'
import type { Detection } from '../event/event.ts'
import type { UtcOffset } from '../lib/utc-offset.ts'
import type { Transaction } from '../seams/store/store.ts'
import type { AuditEntry } from '../state/audit/append.ts'
import { conclude } from './conclude.ts'
import { type DetectionRow, dedupe, mergeRows } from './dedupe.ts'
import { moveAbsorbed, saveIncidents } from './incidents.ts'
import { type Link, linkKey, linksOfRow, saveLinks } from './links.ts'
import { regroup } from './regroup.ts'
import { loadRows, type StoredRow, saveRows } from './rows.ts'
import type { CorrelateSettings } from './settings.ts'
import type { AttackLookup } from './stage.ts'
import type { Suppressor } from './suppress.ts'

/** What the stage knows and is told for one transaction. */
export interface Surroundings {
  attack: AttackLookup
  settings: CorrelateSettings
  suppressor: Suppressor
  /** Of the zone of the times in stories. */
  utcOffset: UtcOffset
  nowMs: number
}

/** A firing an exception hid or kept from grouping. */
export interface Hit {
  exceptionId: number
  ruleId: string
  timeMs: number
}

export interface Applied {
  /** For live screens, after the commit. */
  changes: Change[]
  /** For the audit, at the end of the transaction. */
  audit: AuditEntry[]
  hits: Hit[]
  hiddenCount: number
  openedCount: number
  mergedCount: number
}

/** One touched detection: as it was, what the batch adds, and as it will be. */
export interface Touched {
  delta: DetectionRow
  merged: DetectionRow
  stored: StoredRow | undefined
  /** Links it did not have before. */
  links: Link[]
  incidentId: number | null
}

/**
 * Folds firings that were not seen before into detections and incidents, inside the caller's transaction. Needs the
 * caller to hold the lock that keeps other correlators out.
 */
export async function applyMatches(
  transaction: Transaction,
  matches: Detection[],
  surroundings: Surroundings,
): Promise<Applied> {
  const { settings, suppressor, nowMs } = surroundings
  const judged = matches.map((match) => ({ match, suppressedBy: suppressor.hiddenBy(match, nowMs) }))
  const hits = judged.flatMap(({ match, suppressedBy }): Hit[] =>
    suppressedBy === null ? [] : [{ exceptionId: suppressedBy, ruleId: match.ruleId, timeMs: match.timeMs }],
  )
  const hiddenCount = hits.length
  const deltas = dedupe(judged, settings)
  const stored = await loadRows(transaction, [...deltas.keys()])
  const touched = [...deltas.values()].map((delta): Touched => {
    const before = stored.get(delta.id)
    const merged = before ? mergeRows(before.row, delta, settings) : delta
    return { delta, merged, stored: before, links: [], incidentId: before?.incidentId ?? null }
  })
  for (const one of touched) one.links = newLinks(one, surroundings, hits)
  const incidents = await regroup(transaction, touched, surroundings)
  const concluded = await conclude(transaction, incidents, surroundings)
  await saveIncidents(transaction, incidents, surroundings)
  for (const incident of incidents) await moveAbsorbed(transaction, incident, nowMs)
  await saveRows(
    transaction,
    touched.map(({ merged, incidentId }) => ({ row: merged, incidentId })),
    nowMs,
  )
  await saveLinks(
    transaction,
    touched.map(({ merged, links }) => ({ row: merged, links })),
  )
  await concluded.store()
  const changes = touched.map(({ merged, stored: before }): Change => {
    const action = before ? 'changed' : 'created'
    return { noun: 'detection', id: merged.id, unitPath: merged.unitPath, action, atMs: nowMs }
  })
  return { ...concluded.told, changes: [...changes, ...concluded.told.changes], hits, hiddenCount }
}

/** Links the detection does not have yet; notes which exceptions took some away. */
function newLinks({ merged, stored }: Touched, { suppressor, settings, nowMs }: Surroundings, hits: Hit[]): Link[] {
  const known = new Set(stored?.row.entities.map(linkKey))
  const isKnown =
    stored?.row.severity === merged.severity && merged.entities.every((entity) => known.has(linkKey(entity)))
  if (isKnown) return []
  const { sourceKey, fields } = merged.sample
  const named = merged.suppressedBy === null ? suppressor.unlinked({ ...merged, sourceKey, fields }, nowMs) : []
  for (const exceptionId of new Set(named.map((one) => one.exceptionId))) {
    hits.push({ exceptionId, ruleId: merged.ruleId, timeMs: merged.lastMs })
  }
  const unlinked = new Set(named.map(({ entity }) => linkKey(entity)))
  const links = linksOfRow(merged, unlinked, settings)
  if (!stored) return links
  const before = new Set(linksOfRow(stored.row, unlinked, settings).map(linkKey))
  return links.filter((link) => !before.has(linkKey(link)))
}
