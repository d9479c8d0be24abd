import { inArray, sql } from 'drizzle-orm'
import { severityRank } from '../event/event.ts'
import { detections } from '../seams/store/schema/incidents.ts'
import type { Transaction } from '../seams/store/store.ts'
import type { DetectionRow } from './dedupe.ts'

/** A detection as it is stored, with the incident it belongs to. */
export interface StoredRow {
  row: DetectionRow
  incidentId: number | null
}

/** Those of the rows that exist, locked until the transaction ends. */
export async function loadRows(transaction: Transaction, ids: string[]): Promise<Map<string, StoredRow>> {
  if (ids.length === 0) return new Map()
  const found = await transaction.select().from(detections).where(inArray(detections.id, ids)).for('update')
  return new Map(
    found.map((stored): [string, StoredRow] => [
      stored.id,
      {
        incidentId: stored.incidentId,
        row: {
          id: stored.id,
          ruleId: stored.ruleId,
          ruleTitle: stored.ruleTitle,
          ruleTitleZh: stored.ruleTitleZh,
          detector: stored.detector,
          severity: stored.severity,
          unitPath: stored.unitPath,
          principal: stored.principal,
          bucketMs: stored.bucketAt.getTime(),
          firstMs: stored.firstSeenAt.getTime(),
          lastMs: stored.lastSeenAt.getTime(),
          matches: stored.matchCount,
          evidence: stored.evidence,
          entities: stored.entities,
          techniques: stored.techniques,
          tactics: stored.tactics,
          sample: {
            ...stored.sample,
            summary: stored.summary,
            summaryZh: stored.summaryZh,
            sourceKey: stored.sourceKey,
            matched: stored.matched,
            fields: stored.fields,
            attribution: stored.ruleAttribution,
          },
          attempt: stored.attempt,
          success: stored.success,
          indicator: stored.indicator,
          asset: stored.asset,
          suppressedBy: stored.suppressedBy,
        },
      },
    ]),
  )
}

/** Inserts or replaces the rows in one statement. */
export async function saveRows(transaction: Transaction, rows: StoredRow[], nowMs: number): Promise<void> {
  if (rows.length === 0) return
  const values = rows.map(({ row, incidentId }) => ({
    id: row.id,
    rule_id: row.ruleId,
    rule_title: row.ruleTitle,
    rule_title_zh: row.ruleTitleZh,
    detector: row.detector,
    severity: row.severity,
    severity_rank: severityRank[row.severity],
    unit_path: row.unitPath,
    principal: row.principal,
    bucket_ms: row.bucketMs,
    first_ms: row.firstMs,
    last_ms: row.lastMs,
    match_count: row.matches,
    evidence: row.evidence,
    entities: row.entities,
    techniques: row.techniques,
    tactics: row.tactics,
    matched: row.sample.matched,
    fields: row.sample.fields,
    rule_attribution: row.sample.attribution,
    summary: row.sample.summary,
    summary_zh: row.sample.summaryZh,
    source_key: row.sample.sourceKey,
    sample: { timeMs: row.sample.timeMs, id: row.sample.id },
    attempt: row.attempt,
    success: row.success,
    indicator: row.indicator,
    asset: row.asset,
    incident_id: incidentId,
    suppressed_by: row.suppressedBy,
  }))
  await transaction.execute(sql`
    INSERT INTO detections AS d (id, rule_id, rule_title, rule_title_zh, detector, severity, severity_rank, unit_path,
      principal, bucket_at, first_seen_at, last_seen_at, match_count, evidence, entities, techniques, tactics, matched,
      fields, rule_attribution, summary, summary_zh, source_key, sample, attempt, success, indicator, asset, incident_id, suppressed_by, created_at, updated_at)
    SELECT r.id, r.rule_id, r.rule_title, r.rule_title_zh, r.detector, r.severity, r.severity_rank, r.unit_path, r.principal,
      ${fromMs('r.bucket_ms')}, ${fromMs('r.first_ms')}, ${fromMs('r.last_ms')}, r.match_count, r.evidence, r.entities,
      ${texts('r.techniques')}, ${texts('r.tactics')}, r.matched, r.fields, r.rule_attribution, r.summary, r.summary_zh, r.source_key,
      r.sample, r.attempt, r.success, r.indicator, r.asset, r.incident_id, r.suppressed_by,
      ${new Date(nowMs)}, ${new Date(nowMs)}
    FROM jsonb_to_recordset(${JSON.stringify(values)}::jsonb) AS r(id text, rule_id text, rule_title text,
      rule_title_zh text, detector text, severity text, severity_rank int, unit_path text, principal text, bucket_ms bigint, first_ms bigint, last_ms bigint,
      match_count bigint, evidence jsonb, entities jsonb, techniques jsonb, tactics jsonb, matched jsonb, fields jsonb, rule_attribution jsonb,
      summary text, summary_zh text, source_key text, sample jsonb, attempt jsonb, success jsonb, indicator jsonb, asset jsonb,
      incident_id bigint, suppressed_by bigint)
    ON CONFLICT (id) DO UPDATE SET rule_title = excluded.rule_title,
      rule_title_zh = excluded.rule_title_zh, severity = excluded.severity, severity_rank = excluded.severity_rank, first_seen_at = excluded.first_seen_at, last_seen_at = excluded.last_seen_at,
      match_count = excluded.match_count, evidence = excluded.evidence, entities = excluded.entities,
      techniques = excluded.techniques, tactics = excluded.tactics, matched = excluded.matched, fields = excluded.fields, rule_attribution = excluded.rule_attribution,
      summary = excluded.summary, summary_zh = excluded.summary_zh, source_key = excluded.source_key, sample = excluded.sample, attempt = excluded.attempt,
      success = excluded.success, indicator = excluded.indicator, asset = excluded.asset,
      incident_id = excluded.incident_id, updated_at = excluded.updated_at`)
}

/** A column of milliseconds since the epoch as a time; whole numbers, so that nothing is rounded. */
export function fromMs(column: string) {
  return sql.raw(`('epoch'::timestamptz + ${column} * interval '1 millisecond')`)
}

/** A jsonb list of texts as a text array. */
export function texts(column: string) {
  return sql.raw(`ARRAY(SELECT jsonb_array_elements_text(${column}))`)
}
