import { inArray, sql } from 'drizzle-orm'
import { type Severity, severityRank } from '../event/event.ts'
import type { EntityFact, IncidentFacts, IncidentStatus } from '../event/incident.ts'
import { incidents } from '../seams/store/schema/incidents.ts'
import type { Transaction } from '../seams/store/store.ts'
import type { Surroundings } from './apply.ts'
import { addEntity } from './dedupe.ts'
import { mergeFacts } from './facts.ts'
import { fromMs, texts } from './rows.ts'
import { score } from './score.ts'
import type { CorrelateSettings } from './settings.ts'
import { type AttackLookup, orderTactics } from './stage.ts'
import { story, title } from './story.ts'

/** An incident while a transaction works on it. */
export interface IncidentState {
  id: number
  isNew: boolean
  unitPath: string
  status: IncidentStatus
  severity: Severity
  severityPinned: boolean
  score: number
  facts: IncidentFacts | null
  assigneeId: number | null
  createdAtMs: number
  openedAtMs: number | null
  acknowledgedAtMs: number | null
  continues: number | null
  /** What this transaction learnt of its entities. */
  entities: Map<string, EntityFact>
  /** Incidents that became part of it in this transaction. */
  absorbed: { id: number; wasVisible: boolean }[]
}

const openStatuses: readonly IncidentStatus[] = ['candidate', 'new', 'in_progress', 'on_hold']

/** Open incidents by id, locked in the order of their ids until the transaction ends. */
export async function loadIncidents(transaction: Transaction, ids: number[]): Promise<Map<number, IncidentState>> {
  if (ids.length === 0) return new Map()
  const rows = await transaction
    .select()
    .from(incidents)
    .where(inArray(incidents.id, ids))
    .orderBy(incidents.id)
    .for('update')
  const open = rows.filter(({ status }) => openStatuses.includes(status))
  return new Map(
    open.map((row): [number, IncidentState] => [
      row.id,
      {
        id: row.id,
        isNew: false,
        unitPath: row.unitPath,
        status: row.status,
        severity: row.severity,
        severityPinned: row.severityPinned,
        score: row.score,
        facts: row.facts,
        assigneeId: row.assigneeId,
        createdAtMs: row.createdAt.getTime(),
        openedAtMs: row.openedAt?.getTime() ?? null,
        acknowledgedAtMs: row.acknowledgedAt?.getTime() ?? null,
        continues: row.continues,
        entities: new Map(),
        absorbed: [],
      },
    ]),
  )
}

/** `count` ids for incidents to come. */
export async function reserveIds(transaction: Transaction, count: number): Promise<number[]> {
  if (count === 0) return []
  const { rows } = await transaction.execute<{ id: string }>(
    sql`SELECT nextval(pg_get_serial_sequence('incidents', 'id')) AS id FROM generate_series(1, ${count}::int)`,
  )
  return rows.map((row) => Number(row.id)).sort((a, b) => a - b)
}

export function newIncident(id: number, unitPath: string, nowMs: number): IncidentState {
  return {
    id,
    isNew: true,
    unitPath,
    status: 'candidate',
    severity: 'informational',
    severityPinned: false,
    score: 0,
    facts: null,
    assigneeId: null,
    createdAtMs: nowMs,
    openedAtMs: null,
    acknowledgedAtMs: null,
    continues: null,
    entities: new Map(),
    absorbed: [],
  }
}

/** Adds what was learnt. */
export function learn(incident: IncidentState, facts: IncidentFacts): void {
  incident.facts = incident.facts ? mergeFacts(incident.facts, facts) : facts
  for (const entity of facts.entities) addEntity(incident.entities, entity)
}

const statusRank: Partial<Record<IncidentStatus, number>> = { in_progress: 3, on_hold: 2, new: 1 }

/** The incident that stays when several become one: the most worked on, then the one that began first. */
export function survivorOf(states: IncidentState[]): IncidentState {
  return [...states].sort(
    (a, b) =>
      (statusRank[b.status] ?? 0) - (statusRank[a.status] ?? 0) ||
      (a.facts?.firstMs ?? 0) - (b.facts?.firstMs ?? 0) ||
      a.id - b.id,
  )[0]!
}

/** Folds `other` into `survivor`; nothing of it is lost, its id keeps pointing here. */
export function absorb(survivor: IncidentState, other: IncidentState): void {
  if (other.facts) survivor.facts = survivor.facts ? mergeFacts(survivor.facts, other.facts) : other.facts
  for (const entity of other.entities.values()) addEntity(survivor.entities, entity)
  survivor.assigneeId ??= other.assigneeId
  survivor.openedAtMs = smaller(survivor.openedAtMs, other.openedAtMs)
  survivor.acknowledgedAtMs = smaller(survivor.acknowledgedAtMs, other.acknowledgedAtMs)
  survivor.continues ??= other.continues
  if (!survivor.severityPinned && other.severityPinned) {
    survivor.severityPinned = true
    survivor.severity = other.severity
  }
  survivor.absorbed.push({ id: other.id, wasVisible: other.status !== 'candidate' }, ...other.absorbed)
}

function smaller(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b)
}

export interface Assessment {
  opened: boolean
  /** The severity it had, when the score has raised it. */
  raisedFrom: Severity | null
}

/** Scores anew, opens a candidate that reached the threshold, raises the severity unless a person pinned it. */
export function assess(
  incident: IncidentState,
  attack: AttackLookup,
  settings: CorrelateSettings,
  nowMs: number,
): Assessment {
  const scored = score(incident.facts!, attack, settings)
  incident.score = scored.score
  const opened = incident.status === 'candidate' && scored.score >= settings.openScore
  if (opened) {
    incident.status = 'new'
    incident.openedAtMs ??= nowMs
  }
  const before = incident.severity
  const isRaised = !incident.severityPinned && severityRank[scored.severity] > severityRank[before]
  if (!incident.severityPinned) incident.severity = scored.severity
  return { opened, raisedFrom: isRaised && !opened && incident.status !== 'candidate' ? before : null }
}

/** Inserts or replaces the incidents and their entities; the columns only people change are left alone. */
export async function saveIncidents(
  transaction: Transaction,
  states: IncidentState[],
  surroundings: Surroundings,
): Promise<void> {
  if (states.length === 0) return
  const values = states.map((state) => incidentValues(state, surroundings))
  const now = new Date(surroundings.nowMs)
  await transaction.execute(sql`
    INSERT INTO incidents (id, unit_path, status, severity, severity_rank, severity_pinned, score, score_parts, title_zh,
      title_en, story_zh, story_en, facts, tactics, techniques, rule_ids, detection_count, match_count, first_seen_at,
      last_seen_at, assignee_id, created_at, updated_at, opened_at, acknowledged_at, continues)
    OVERRIDING SYSTEM VALUE
    SELECT r.id, r.unit_path, r.status, r.severity, r.severity_rank, r.severity_pinned, r.score, r.score_parts, r.title_zh,
      r.title_en, r.story_zh, r.story_en, r.facts, ${texts('r.tactics')}, ${texts('r.techniques')}, ${texts('r.rule_ids')},
      r.detection_count, r.match_count, ${fromMs('r.first_ms')}, ${fromMs('r.last_ms')}, r.assignee_id,
      ${fromMs('r.created_ms')}, ${now}, ${fromMs('r.opened_ms')}, ${fromMs('r.acknowledged_ms')}, r.continues
    FROM jsonb_to_recordset(${JSON.stringify(values)}::jsonb) AS r(id bigint, unit_path text, status text, severity text,
      severity_rank int, severity_pinned boolean, score int, score_parts jsonb, title_zh text, title_en text, story_zh text,
      story_en text, facts jsonb, tactics jsonb, techniques jsonb, rule_ids jsonb, detection_count int, match_count bigint,
      first_ms bigint, last_ms bigint, assignee_id bigint, created_ms bigint, opened_ms bigint, acknowledged_ms bigint,
      continues bigint)
    ON CONFLICT (id) DO UPDATE SET unit_path = excluded.unit_path, status = excluded.status, severity = excluded.severity,
      severity_rank = excluded.severity_rank, severity_pinned = excluded.severity_pinned, score = excluded.score,
      score_parts = excluded.score_parts, title_zh = excluded.title_zh, title_en = excluded.title_en,
      story_zh = excluded.story_zh, story_en = excluded.story_en, facts = excluded.facts, tactics = excluded.tactics,
      techniques = excluded.techniques, rule_ids = excluded.rule_ids, detection_count = excluded.detection_count,
      match_count = excluded.match_count, first_seen_at = excluded.first_seen_at, last_seen_at = excluded.last_seen_at,
      assignee_id = excluded.assignee_id, updated_at = excluded.updated_at, opened_at = excluded.opened_at,
      acknowledged_at = excluded.acknowledged_at, continues = excluded.continues`)
  await saveEntities(transaction, states)
}

function incidentValues(state: IncidentState, { attack, settings, utcOffset }: Surroundings) {
  const facts = state.facts!
  const titles = title(facts, attack)
  const stories = story(facts, attack, utcOffset)
  return {
    id: state.id,
    unit_path: state.unitPath,
    status: state.status,
    severity: state.severity,
    severity_rank: severityRank[state.severity],
    severity_pinned: state.severityPinned,
    score: state.score,
    score_parts: score(facts, attack, settings).parts,
    title_zh: titles.zh,
    title_en: titles.en,
    story_zh: stories.zh,
    story_en: stories.en,
    facts,
    tactics: orderTactics(
      facts.rules.flatMap((rule) => rule.tactics),
      attack,
    ),
    techniques: [...new Set(facts.rules.flatMap((rule) => rule.techniques))].sort(),
    rule_ids: facts.rules.map((rule) => rule.id),
    detection_count: facts.detections,
    match_count: facts.matches,
    first_ms: facts.firstMs,
    last_ms: facts.lastMs,
    assignee_id: state.assigneeId,
    created_ms: state.createdAtMs,
    opened_ms: state.openedAtMs,
    acknowledged_ms: state.acknowledgedAtMs,
    continues: state.continues,
  }
}

async function saveEntities(transaction: Transaction, states: IncidentState[]): Promise<void> {
  const values = states.flatMap(({ id, entities }) =>
    [...entities.values()].map((entity) => ({ ...entity, incident_id: id })),
  )
  if (values.length === 0) return
  await transaction.execute(sql`
    INSERT INTO incident_entities AS e (incident_id, type, value, role, first_seen_at, last_seen_at, match_count, country,
      organisation)
    SELECT r.incident_id, r.type, r.value, r.role, ${fromMs('r."firstMs"')}, ${fromMs('r."lastMs"')}, r.matches, r.country,
      r.organisation
    FROM jsonb_to_recordset(${JSON.stringify(values)}::jsonb) AS r(incident_id bigint, type text, value text, role text,
      "firstMs" bigint, "lastMs" bigint, matches bigint, country text, organisation text)
    ${entityConflict}`)
}

/** The same joining as `addEntity` in dedupe.ts, in SQL. */
const entityConflict = sql.raw(`ON CONFLICT (incident_id, type, value) DO UPDATE SET
  role = CASE WHEN 'actor' IN (e.role, excluded.role) THEN 'actor'
    WHEN 'target' IN (e.role, excluded.role) THEN 'target' ELSE 'observed' END,
  first_seen_at = least(e.first_seen_at, excluded.first_seen_at),
  last_seen_at = greatest(e.last_seen_at, excluded.last_seen_at),
  match_count = e.match_count + excluded.match_count,
  country = least(e.country, excluded.country), organisation = least(e.organisation, excluded.organisation)`)

/**
 * Moves everything of absorbed incidents to their survivor. One that people saw stays and points to it; one that nobody
 * saw goes.
 */
export async function moveAbsorbed(transaction: Transaction, survivor: IncidentState, nowMs: number): Promise<void> {
  if (survivor.absorbed.length === 0) return
  const ids = sql.join(
    survivor.absorbed.map(({ id }) => sql`${id}`),
    sql`, `,
  )
  await transaction.execute(sql`UPDATE detections SET incident_id = ${survivor.id} WHERE incident_id IN (${ids})`)
  await transaction.execute(sql`
    INSERT INTO incident_entities AS e (incident_id, type, value, role, first_seen_at, last_seen_at, match_count, country,
      organisation)
    SELECT ${survivor.id}::bigint, type, value, CASE WHEN bool_or(role = 'actor') THEN 'actor' WHEN bool_or(role = 'target') THEN 'target'
      ELSE 'observed' END, min(first_seen_at), max(last_seen_at), sum(match_count), min(country), min(organisation)
    FROM incident_entities WHERE incident_id IN (${ids}) GROUP BY type, value
    ${entityConflict}`)
  await transaction.execute(sql`DELETE FROM incident_entities WHERE incident_id IN (${ids})`)
  await transaction.execute(sql`UPDATE incidents SET merged_into = ${survivor.id} WHERE merged_into IN (${ids})`)
  await transaction.execute(
    sql`UPDATE incidents SET continues = NULLIF(${survivor.id}::bigint, id) WHERE continues IN (${ids})`,
  )
  const seen = survivor.absorbed.filter(({ wasVisible }) => wasVisible)
  const unseen = survivor.absorbed.filter(({ wasVisible }) => !wasVisible)
  if (seen.length > 0) {
    await transaction
      .update(incidents)
      .set({
        status: 'merged',
        mergedInto: survivor.id,
        updatedAt: new Date(nowMs),
        version: sql`${incidents.version} + 1`,
      })
      .where(
        inArray(
          incidents.id,
          seen.map(({ id }) => id),
        ),
      )
  }
  if (unseen.length > 0)
    await transaction.delete(incidents).where(
      inArray(
        incidents.id,
        unseen.map(({ id }) => id),
      ),
    )
}

/** How long a candidate is kept after its last detection; nothing can join it any more by then. */
const candidateLifeMs = 48 * 3_600_000

/** Forgets candidates that came to nothing; their detections stay. Returns how many went. */
export async function sweepCandidates(transaction: Transaction, nowMs: number): Promise<number> {
  const { rows } = await transaction.execute<{ swept: string }>(sql`
    WITH stale AS (
      SELECT id FROM incidents WHERE status = 'candidate' AND updated_at < ${new Date(nowMs - candidateLifeMs)}
      ORDER BY id LIMIT 10000 FOR UPDATE
    ), freed AS (UPDATE detections SET incident_id = NULL WHERE incident_id IN (SELECT id FROM stale)),
    gone AS (DELETE FROM incidents WHERE id IN (SELECT id FROM stale) RETURNING id)
    SELECT count(*) AS swept FROM gone`)
  return Number(rows[0]!.swept)
}
