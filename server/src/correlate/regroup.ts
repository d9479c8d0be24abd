import type { IncidentFacts } from '../event/incident.ts'
import type { Transaction } from '../seams/store/store.ts'
import type { Surroundings, Touched } from './apply.ts'
import { factsOf } from './facts.ts'
import { type Group, type GroupNode, group, type IncidentSpan } from './group.ts'
import { absorb, type IncidentState, learn, loadIncidents, newIncident, reserveIds, survivorOf } from './incidents.ts'
import { closedBefore, loadNeighbours, unitKey, wantedOf } from './links.ts'
import type { CorrelateSettings } from './settings.ts'

/**
 * Finds the incident of every touched detection that is not hidden, makes and merges incidents, and lets them learn what
 * is new. Returns the incidents that changed. A detection of an incident that was closed stays with it and is only
 * counted: a closed incident does not change by itself.
 */
export async function regroup(
  transaction: Transaction,
  touched: Touched[],
  { settings, nowMs }: Surroundings,
): Promise<IncidentState[]> {
  const visible = touched.filter(({ delta }) => delta.suppressedBy === null)
  const seeking = visible.filter(
    ({ links, incidentId }) => incidentId === null || links.some(({ link }) => link !== 'none'),
  )
  const wanted = wantedOf(seeking.map(nodeOf), settings)
  const { neighbours, hubs } = await loadNeighbours(transaction, wanted, settings)
  const ids = new Set(neighbours.map((one) => one.incidentId))
  for (const { incidentId } of visible) if (incidentId !== null) ids.add(incidentId)
  const loaded = await loadIncidents(
    transaction,
    [...ids].sort((a, b) => a - b),
  )
  const movable = seeking.filter(({ incidentId }) => incidentId === null || loaded.has(incidentId))
  const groups = group(
    movable.map(nodeOf),
    neighbours.filter(({ incidentId }) => loaded.has(incidentId)),
    new Map([...loaded].map(([id, state]) => [id, spanOf(state.facts!, settings)])),
    hubs,
    settings,
  )
  const byDetection = new Map(visible.map((one) => [one.delta.id, one]))
  const placed = await place(transaction, groups, byDetection, loaded, { settings, nowMs })

  const changed = new Set<IncidentState>()
  for (const one of visible) {
    const incident = placed.ofDetection.get(one.delta.id) ?? placed.ofIncident.get(one.incidentId ?? -1)
    if (!incident) continue
    const isNew = one.incidentId === null
    learn(incident, factsOf(isNew ? one.merged : one.delta, isNew))
    one.incidentId = incident.id
    changed.add(incident)
  }
  return [...changed].sort((a, b) => a.id - b.id)
}

function nodeOf({ merged, links, incidentId }: Touched): GroupNode {
  return {
    id: merged.id,
    incidentId,
    bucketMs: merged.bucketMs,
    principal: merged.principal,
    keys: links.flatMap((one) =>
      one.link === 'none' ? [] : { key: unitKey(merged.unitPath, one), isOwn: one.link === 'own' },
    ),
  }
}

/** Spans are counted in buckets, so that they do not depend on which firings of a bucket have come so far. */
function spanOf({ firstMs, lastMs }: IncidentFacts, { bucketMs }: CorrelateSettings): IncidentSpan {
  const bucketOf = (timeMs: number) => Math.floor(timeMs / bucketMs) * bucketMs
  return { firstBucketMs: bucketOf(firstMs), lastBucketMs: bucketOf(lastMs) }
}

/** Gives every group its incident: the survivor of those it joins, or a new one. */
async function place(
  transaction: Transaction,
  groups: Group[],
  byDetection: Map<string, Touched>,
  loaded: Map<number, IncidentState>,
  { settings, nowMs }: Pick<Surroundings, 'settings' | 'nowMs'>,
) {
  const isNew = ({ incidentIds }: Group) => incidentIds.length === 0
  const ids = await reserveIds(transaction, groups.filter(isNew).length)
  const ofIncident = new Map(loaded)
  const ofDetection = new Map<string, IncidentState>()
  const states = groups.map(({ incidentIds, nodeIds }): IncidentState => {
    const joined = incidentIds.map((id) => loaded.get(id)!)
    const { unitPath } = byDetection.get(nodeIds[0]!)!.merged
    const incident = joined.length > 0 ? survivorOf(joined) : newIncident(ids.shift()!, unitPath, nowMs)
    for (const other of joined) {
      if (other === incident) continue
      absorb(incident, other)
      ofIncident.set(other.id, incident)
    }
    for (const id of nodeIds) ofDetection.set(id, incident)
    return incident
  })
  for (const [index, { continues }] of groups.entries()) {
    if (continues)
      states[index]!.continues ??= 'group' in continues ? states[continues.group]!.id : continues.incidentId
  }
  const beginnings = groups.flatMap((group, index) =>
    isNew(group) && !group.continues ? [{ group, incident: states[index]! }] : [],
  )
  const closed = await closedBefore(
    transaction,
    beginnings.map(({ group }) => {
      const keys = new Set(group.nodeIds.flatMap((id) => nodeOf(byDetection.get(id)!).keys.map(({ key }) => key)))
      return { keys: [...keys], bucketMs: group.firstBucketMs }
    }),
    settings,
  )
  for (const [index, { incident }] of beginnings.entries()) incident.continues = closed[index]!
  for (const incident of states) if (incident.continues === incident.id) incident.continues = null
  return { ofDetection, ofIncident }
}
