import { sql } from 'drizzle-orm'
import { CodedError } from '../../event/errors.ts'
import { canonicalJson } from '../../lib/canonical-json.ts'
import { storableJson, storableText } from '../../lib/storable-text.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import { auditHead, auditRows } from '../../seams/store/schema/audit.ts'
import type { Transaction } from '../../seams/store/store.ts'
import type { Actor } from '../actor.ts'
import { type ChainedRow, chainHash, currentAlgorithm, genesisHash } from './chain.ts'

/** What happened. `detail` never carries a secret. */
export interface AuditEntry {
  actor: Pick<Actor, 'kind' | 'id' | 'name' | 'address'>
  /** `noun.verb`, e.g. `user.create`. */
  action: string
  /** What was acted upon, e.g. `user:42`. */
  target: string
  unitPath: string
  detail?: Record<string, unknown>
}

/** Longest `detail`, in characters of canonical JSON; a longer one is kept as its beginning. */
const detailLengthMax = 32_768
const textLengthMax = 1_024

/**
 * Appends one row to the hash chain, in the caller's transaction. Locks the head of the chain until the transaction
 * ends: call it last, so that the lock is short and nothing is waited for while holding it.
 * Throws AUDIT_BROKEN when the head is gone though rows exist.
 */
export async function appendAudit(transaction: Transaction, clock: Clock, entry: AuditEntry): Promise<void> {
  await appendAuditAll(transaction, clock, [entry])
}

/** Several rows under one lock of the head, in order. Same errors as `appendAudit`. */
export async function appendAuditAll(transaction: Transaction, clock: Clock, entries: AuditEntry[]): Promise<void> {
  if (entries.length === 0) return
  const bodies = entries.map(chainBody)
  let { sequence, hash } = await lockHead(transaction)
  // Read under the lock, so that times rise with the sequence.
  const timeMs = clock.now()
  const rows = bodies.map((body) => {
    const row: ChainedRow = { ...body, timeMs, sequence: sequence + 1, previousHash: hash }
    sequence = row.sequence
    hash = chainHash(row)
    return { ...row, hash }
  })
  // One statement for rows and head: every round trip here is time in which all other writers wait.
  const values = rows.map(
    (
      row,
    ) => sql`(${row.sequence}::bigint, ${new Date(row.timeMs).toISOString()}::timestamptz, ${row.actorKind}, ${row.actorId}, ${row.actorName},
      ${row.actorAddress}, ${row.action}, ${row.target}, ${row.unitPath}, ${JSON.stringify(row.detail)}::jsonb, ${row.algorithm}, ${row.previousHash}, ${row.hash})`,
  )
  await transaction.execute(sql`
    WITH appended AS (
      INSERT INTO ${auditRows} (sequence, time, actor_kind, actor_id, actor_name, actor_address, action, target, unit_path, detail,
        algorithm, previous_hash, hash) VALUES ${sql.join(values, sql`, `)})
    UPDATE ${auditHead} SET sequence = ${sequence}, hash = ${hash} WHERE id = 1`)
}

/** The row without its place in the chain; made before the head is locked. */
function chainBody(entry: AuditEntry): Omit<ChainedRow, 'sequence' | 'previousHash' | 'timeMs'> {
  return {
    actorKind: entry.actor.kind,
    actorId: storableText(entry.actor.id, textLengthMax),
    actorName: storableText(entry.actor.name, textLengthMax),
    actorAddress: entry.actor.address === undefined ? null : storableText(entry.actor.address, textLengthMax),
    action: entry.action,
    target: storableText(entry.target, textLengthMax),
    unitPath: entry.unitPath,
    detail: boundedDetail(entry.detail ?? {}),
    algorithm: currentAlgorithm,
  }
}

function boundedDetail(detail: Record<string, unknown>): Record<string, unknown> {
  // Parsed back from JSON, so that what is hashed is what the database gives back (-0, dates, toJSON).
  const text = JSON.stringify(storableJson(detail))
  if (text.length <= detailLengthMax) return JSON.parse(text) as Record<string, unknown>
  return { truncated: true, length: text.length, beginning: storableText(canonicalJson(detail), detailLengthMax) }
}

async function lockHead(transaction: Transaction): Promise<{ sequence: number; hash: string }> {
  const select = () =>
    transaction.select({ sequence: auditHead.sequence, hash: auditHead.hash }).from(auditHead).for('update')
  const [head] = await select()
  if (head) return head
  // First append ever: one transaction makes the head, the others wait for it here.
  await transaction.execute(sql`SELECT pg_advisory_xact_lock(hashtext('audit_head'))`)
  const [made] = await select()
  if (made) return made
  const [row] = await transaction.select({ sequence: auditRows.sequence }).from(auditRows).limit(1)
  if (row) throw new CodedError('AUDIT_BROKEN', 'The head of the audit chain is missing though audit rows exist')
  const genesis = { sequence: 0, hash: genesisHash }
  await transaction.insert(auditHead).values({ id: 1, ...genesis })
  return genesis
}
