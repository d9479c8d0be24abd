import { sql } from 'drizzle-orm'
import type { EntityType } from '../event/event.ts'
import type { Transaction } from '../seams/store/store.ts'
import type { DetectionRow } from './dedupe.ts'
import type { Neighbour } from './group.ts'
import { fromMs } from './rows.ts'
import type { CorrelateSettings } from './settings.ts'

/** Types that tie detections together; a process or a file name is too common, a URL belongs to its domain. */
const linkingTypes: ReadonlySet<EntityType> = new Set<EntityType>(['host', 'user', 'ip', 'domain'])

/** Rows looked at to see whether an entity is a hub. */
const hubRowLimit = 2_000

/** An entity of a detection as it is stored for finding and linking. */
export interface Link {
  type: EntityType | 'rule'
  value: string
  links: boolean
}

/**
 * What may link a detection. When nothing does (no entities, or all of them stopped), its rule does: otherwise a rule
 * without entities would open an incident every ten minutes.
 */
export function linksOfRow(row: DetectionRow, unlinked: ReadonlySet<string>, settings: CorrelateSettings): Link[] {
  const found: Link[] = row.entities.map(({ type, value }) => {
    const key = `${type}|${value}`
    return { type, value, links: linkingTypes.has(type) && !settings.stopEntities.has(key) && !unlinked.has(key) }
  })
  if (!found.some(({ links }) => links)) found.push({ type: 'rule', value: row.ruleId, links: true })
  return found
}

/** `type|value` */
export function linkKey({ type, value }: Pick<Link, 'type' | 'value'>): string {
  return `${type}|${value}`
}

interface Wanted {
  type: string
  value: string
  from_ms: number
  to_ms: number
  principals: string[]
}

/** Keys to look for, with the span around their detections in which a link is possible. */
export function wantedOf(
  nodes: { keys: string[]; principal: string; bucketMs: number }[],
  settings: CorrelateSettings,
): Map<string, Wanted> {
  const wanted = new Map<string, Wanted>()
  for (const { keys, principal, bucketMs } of nodes) {
    for (const key of keys) {
      const found = wanted.get(key)
      if (found) {
        found.from_ms = Math.min(found.from_ms, bucketMs - settings.gapMs)
        found.to_ms = Math.max(found.to_ms, bucketMs + settings.gapMs)
        if (!found.principals.includes(principal)) found.principals.push(principal)
      } else {
        const bar = key.indexOf('|')
        wanted.set(key, {
          type: key.slice(0, bar),
          value: key.slice(bar + 1),
          from_ms: bucketMs - settings.gapMs,
          to_ms: bucketMs + settings.gapMs,
          principals: [principal],
        })
      }
    }
  }
  return wanted
}

/**
 * Where the wanted keys were detected in incidents that are not closed, and which of them are hubs. For a hub only
 * detections of the wanted principals come back, since it links no others.
 */
export async function loadNeighbours(
  transaction: Transaction,
  wanted: Map<string, Wanted>,
  settings: CorrelateSettings,
): Promise<{ neighbours: Neighbour[]; hubs: Set<string> }> {
  if (wanted.size === 0) return { neighbours: [], hubs: new Set() }
  const near = await neighboursOf(transaction, [...wanted.values()], false)
  const byKey = new Map<string, Neighbour[]>()
  for (const neighbour of near) {
    const found = byKey.get(neighbour.key)
    if (found) found.push(neighbour)
    else byKey.set(neighbour.key, [neighbour])
  }
  const hubs = new Set<string>()
  for (const [key, { principals }] of wanted) {
    const found = byKey.get(key) ?? []
    const distinct = new Set([...principals, ...found.map(({ principal }) => principal)])
    // The entity itself, where it is the principal, does not make it a hub.
    distinct.delete(key)
    if (distinct.size > settings.hubLimit || found.length >= hubRowLimit) hubs.add(key)
  }
  if (hubs.size === 0) return { neighbours: near, hubs }
  const ofHubs = await neighboursOf(
    transaction,
    [...hubs].map((key) => wanted.get(key)!),
    true,
  )
  return { neighbours: [...near.filter(({ key }) => !hubs.has(key)), ...ofHubs], hubs }
}

async function neighboursOf(transaction: Transaction, wanted: Wanted[], samePrincipal: boolean): Promise<Neighbour[]> {
  const narrowed = samePrincipal ? sql`AND w.principals ? d.principal` : sql``
  const { rows } = await transaction.execute<{
    type: string
    value: string
    principal: string
    unit_path: string
    bucket_ms: string
    incident_id: string
  }>(sql`
    SELECT w.type, w.value, n.* FROM jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb)
      AS w(type text, value text, from_ms bigint, to_ms bigint, principals jsonb)
    CROSS JOIN LATERAL (
      SELECT DISTINCT d.principal, e.unit_path, (extract(epoch FROM e.bucket_at) * 1000)::bigint AS bucket_ms, d.incident_id
      FROM detection_entities e JOIN detections d ON d.id = e.detection_id JOIN incidents i ON i.id = d.incident_id
      WHERE e.value = w.value AND e.type = w.type AND e.links
        AND e.bucket_at BETWEEN ${fromMs('w.from_ms')} AND ${fromMs('w.to_ms')}
        AND i.status IN ('candidate', 'new', 'in_progress', 'on_hold') ${narrowed}
      LIMIT ${hubRowLimit}
    ) n`)
  return rows.map((row) => ({
    key: `${row.type}|${row.value}`,
    principal: row.principal,
    unitPath: row.unit_path,
    bucketMs: Number(row.bucket_ms),
    incidentId: Number(row.incident_id),
  }))
}

/** Stores what each detection may be found and linked by; what is there stays. */
export async function saveLinks(transaction: Transaction, rows: { row: DetectionRow; links: Link[] }[]): Promise<void> {
  const values = rows.flatMap(({ row, links }) =>
    links.map(({ type, value, links: doesLink }) => ({
      detection_id: row.id,
      type,
      value,
      unit_path: row.unitPath,
      bucket_ms: row.bucketMs,
      links: doesLink,
    })),
  )
  if (values.length === 0) return
  await transaction.execute(sql`
    INSERT INTO detection_entities (detection_id, type, value, unit_path, bucket_at, links)
    SELECT r.detection_id, r.type, r.value, r.unit_path, ${fromMs('r.bucket_ms')}, r.links
    FROM jsonb_to_recordset(${JSON.stringify(values)}::jsonb)
      AS r(detection_id text, type text, value text, unit_path text, bucket_ms bigint, links boolean)
    ON CONFLICT DO NOTHING`)
}

/** The latest incident that was closed and shares a linking entity within the window before; null when there is none. */
export async function closedBefore(
  transaction: Transaction,
  keys: string[],
  unitPath: string,
  bucketMs: number,
  settings: CorrelateSettings,
): Promise<number | null> {
  const wanted = keys.map((key) => ({ type: key.slice(0, key.indexOf('|')), value: key.slice(key.indexOf('|') + 1) }))
  const { rows } = await transaction.execute<{ id: string }>(sql`
    SELECT i.id FROM jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb) AS w(type text, value text)
    JOIN detection_entities e ON e.value = w.value AND e.type = w.type AND e.links
      AND e.bucket_at BETWEEN ${new Date(bucketMs - settings.windowMs)} AND ${new Date(bucketMs)}
    JOIN detections d ON d.id = e.detection_id JOIN incidents i ON i.id = d.incident_id
    WHERE i.status = 'closed' AND (starts_with(e.unit_path, ${unitPath}) OR starts_with(${unitPath}, e.unit_path))
    ORDER BY e.bucket_at DESC, i.id DESC LIMIT 1`)
  return rows[0] ? Number(rows[0].id) : null
}
