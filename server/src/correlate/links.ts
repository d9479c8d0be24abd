import { sql } from 'drizzle-orm'
import { type EntityType, type Severity, severityRank } from '../event/event.ts'
import type { Transaction } from '../seams/store/store.ts'
import { type DetectionRow, isOwnEntity } from './dedupe.ts'
import type { GroupNode, Neighbour } from './group.ts'
import { fromMs } from './rows.ts'
import type { CorrelateSettings } from './settings.ts'

/** Types that tie detections together; a process or a file name is too common, a URL belongs to its domain. */
const linkingTypes: ReadonlySet<EntityType> = new Set<EntityType>(['host', 'user', 'ip', 'domain'])

/** Rows looked at to see whether an entity is a hub. */
const hubRowLimit = 2_000

/** An entity of a detection as it is stored for finding and linking; what `link` means: group.ts. */
export interface Link {
  type: EntityType | 'rule'
  value: string
  link: 'own' | 'other' | 'none'
}

/** Detections of one rule on one target are one campaign, whoever acts, from this severity on. */
const campaignSeverity: Severity = 'medium'

/**
 * What may link a detection: its own entities, those beside, and, so that a thousand sources of one attack on one target
 * are not a thousand incidents, the rule together with each target. When no entity links (there is none, or all are
 * stopped), the rule alone does: otherwise a rule without entities would open an incident every ten minutes.
 */
export function linksOfRow(row: DetectionRow, unlinked: ReadonlySet<string>, settings: CorrelateSettings): Link[] {
  const isCampaign = severityRank[row.severity] >= severityRank[campaignSeverity]
  const found: Link[] = []
  for (const { type, value, role } of row.entities) {
    const key = `${type}|${value}`
    const isStopped = !linkingTypes.has(type) || settings.stopEntities.has(key) || unlinked.has(key)
    const isOwn = isOwnEntity(row.principal, type, value)
    found.push({ type, value, link: isStopped ? 'none' : isOwn ? 'own' : 'other' })
    if (!isStopped && !isOwn && isCampaign && role === 'target') {
      found.push({ type: 'rule', value: `${row.ruleId}|${key}`, link: 'own' })
    }
  }
  if (!found.some(({ link }) => link !== 'none')) found.push({ type: 'rule', value: row.ruleId, link: 'own' })
  return found
}

/** `type|value` */
export function linkKey({ type, value }: Pick<Link, 'type' | 'value'>): string {
  return `${type}|${value}`
}

/** `/1/7/|type|value`: what links detections of a unit, and of no other. */
export function unitKey(unitPath: string, link: Pick<Link, 'type' | 'value'>): string {
  return `${unitPath}|${linkKey(link)}`
}

/** The parts of a `unitKey`; only the value may hold bars. */
function partsOf(key: string): { unit_path: string; type: string; value: string } {
  const [unit, bar] = [key.indexOf('|'), key.indexOf('|', key.indexOf('|') + 1)]
  return { unit_path: key.slice(0, unit), type: key.slice(unit + 1, bar), value: key.slice(bar + 1) }
}

interface Wanted {
  unit_path: string
  type: string
  value: string
  from_ms: number
  to_ms: number
  principals: string[]
}

/** Keys to look for, with the span around their detections in which a link is possible. */
export function wantedOf(
  nodes: Pick<GroupNode, 'keys' | 'principal' | 'bucketMs'>[],
  settings: CorrelateSettings,
): Map<string, Wanted> {
  const wanted = new Map<string, Wanted>()
  for (const { keys, principal, bucketMs } of nodes) {
    for (const { key } of keys) {
      const found = wanted.get(key)
      if (found) {
        found.from_ms = Math.min(found.from_ms, bucketMs - settings.gapMs)
        found.to_ms = Math.max(found.to_ms, bucketMs + settings.gapMs)
        if (!found.principals.includes(principal)) found.principals.push(principal)
      } else {
        wanted.set(key, {
          ...partsOf(key),
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
  for (const [key, { type, value, principals }] of wanted) {
    // A campaign may have as many sources as it likes.
    if (type === 'rule') continue
    const found = byKey.get(key) ?? []
    const distinct = new Set([...principals, ...found.map(({ principal }) => principal)])
    // The entity itself, where it is the principal, does not make it a hub.
    distinct.delete(`${type}|${value}`)
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
    unit_path: string
    type: string
    value: string
    principal: string
    bucket_ms: string
    incident_id: string
    link: 'own' | 'other'
  }>(sql`
    SELECT w.unit_path, w.type, w.value, n.* FROM jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb)
      AS w(unit_path text, type text, value text, from_ms bigint, to_ms bigint, principals jsonb)
    CROSS JOIN LATERAL (
      SELECT DISTINCT CASE w.type WHEN 'rule' THEN '' ELSE d.principal END AS principal, e.link,
        (extract(epoch FROM e.bucket_at) * 1000)::bigint AS bucket_ms, d.incident_id
      FROM detection_entities e JOIN detections d ON d.id = e.detection_id JOIN incidents i ON i.id = d.incident_id
      WHERE e.value = w.value AND e.type = w.type AND e.unit_path = w.unit_path AND e.link <> 'none'
        AND e.bucket_at BETWEEN ${fromMs('w.from_ms')} AND ${fromMs('w.to_ms')}
        AND i.status IN ('candidate', 'new', 'in_progress', 'on_hold') ${narrowed}
      LIMIT ${hubRowLimit}
    ) n`)
  return rows.map((row) => ({
    key: unitKey(row.unit_path, { type: row.type as Link['type'], value: row.value }),
    principal: row.principal,
    bucketMs: Number(row.bucket_ms),
    incidentId: Number(row.incident_id),
    isOwn: row.link === 'own',
  }))
}

/** Stores what each detection may be found and linked by; what is there stays. */
export async function saveLinks(transaction: Transaction, rows: { row: DetectionRow; links: Link[] }[]): Promise<void> {
  const values = rows.flatMap(({ row, links }) =>
    links.map((link) => ({ detection_id: row.id, unit_path: row.unitPath, bucket_ms: row.bucketMs, ...link })),
  )
  if (values.length === 0) return
  await transaction.execute(sql`
    INSERT INTO detection_entities (detection_id, type, value, unit_path, bucket_at, link)
    SELECT r.detection_id, r.type, r.value, r.unit_path, ${fromMs('r.bucket_ms')}, r.link
    FROM jsonb_to_recordset(${JSON.stringify(values)}::jsonb)
      AS r(detection_id text, type text, value text, unit_path text, bucket_ms bigint, link text)
    ON CONFLICT DO NOTHING`)
}

/** A new group that may go on from a closed incident. */
export interface Beginning {
  keys: string[]
  bucketMs: number
}

/**
 * For each beginning, the latest incident that was closed and shares a linking entity within the window before it;
 * null when there is none.
 */
export async function closedBefore(
  transaction: Transaction,
  beginnings: Beginning[],
  settings: CorrelateSettings,
): Promise<(number | null)[]> {
  const found: (number | null)[] = beginnings.map(() => null)
  const wanted = beginnings.flatMap(({ keys, bucketMs }, place) =>
    keys.map((key) => ({ place, ...partsOf(key), from_ms: bucketMs - settings.windowMs, to_ms: bucketMs })),
  )
  if (wanted.length === 0) return found
  // Most batches need look no further.
  const earliest = new Date(Math.min(...beginnings.map(({ bucketMs }) => bucketMs)) - settings.windowMs)
  const closed = await transaction.execute(
    sql`SELECT 1 FROM incidents WHERE status = 'closed' AND last_seen_at >= ${earliest} LIMIT 1`,
  )
  if (closed.rows.length === 0) return found
  const { rows } = await transaction.execute<{ place: number; id: string }>(sql`
    SELECT DISTINCT ON (w.place) w.place, c.id FROM jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb)
      AS w(place int, type text, value text, unit_path text, from_ms bigint, to_ms bigint)
    CROSS JOIN LATERAL (
      SELECT i.id, e.bucket_at FROM detection_entities e JOIN detections d ON d.id = e.detection_id
      JOIN incidents i ON i.id = d.incident_id
      WHERE e.value = w.value AND e.type = w.type AND e.link <> 'none' AND i.status = 'closed'
        AND e.bucket_at BETWEEN ${fromMs('w.from_ms')} AND ${fromMs('w.to_ms')}
        AND e.unit_path = w.unit_path
      ORDER BY e.bucket_at DESC, i.id DESC LIMIT 1
    ) c ORDER BY w.place, c.bucket_at DESC, c.id DESC`)
  for (const { place, id } of rows) found[place] = Number(id)
  return found
}
