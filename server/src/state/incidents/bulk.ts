import { lt } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { incidentUndo } from '../../seams/store/schema/incidents.ts'
import type { Transaction } from '../../seams/store/store.ts'
import { type AuditEntry, appendAuditAll } from '../audit/append.ts'
import { idNumber, noteText, parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import { requireVersion } from '../version.ts'
import { write } from '../write.ts'
import { changeIncident, logActivity } from './change.ts'
import {
  closeReasons,
  type IncidentRow,
  incidentNotFound,
  lockIncidents,
  openStatuses,
  ownUnit,
  severities,
  tellIncident,
} from './incident.ts'
import { type UndoEntry, undoValues } from './undo.ts'

const change = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('assign'), assigneeId: idNumber.nullable() }),
  z.strictObject({ action: z.literal('status'), status: z.enum(openStatuses) }),
  z.strictObject({ action: z.literal('severity'), severity: z.enum(severities) }),
  z.strictObject({
    action: z.literal('close'),
    reason: z.enum(closeReasons),
    note: noteText().optional(),
    duplicateOf: idNumber.optional(),
  }),
  z.strictObject({ action: z.literal('reopen'), note: noteText().optional() }),
])

export const bulkIncidentsInput = z.strictObject({
  ids: z.array(idNumber).min(1).max(500),
  change,
  comment: noteText().optional(),
  /** By incident id: the version the change was thought out on. One that has another by now is not changed. */
  versions: z.record(z.string().regex(/^\d{1,16}$/), z.number().int()).default({}),
})

export interface BulkResult {
  /** How many changed; those that were so already are not counted. */
  changed: number
  /** For `undoIncidents`; null when nothing changed. */
  undoToken: string | null
  failed: { id: number; code: string; message: string; detail: Record<string, unknown> }[]
}

/** How long a bulk change can be taken back. */
const undoMs = 10 * 60_000

/**
 * Makes the same change to many incidents in one transaction. One that cannot be changed is named in `failed` and does
 * not stop the others.
 */
export async function bulkIncidents(
  context: LiveContext,
  input: z.input<typeof bulkIncidentsInput>,
): Promise<BulkResult> {
  const { ids, change, comment, versions } = parseInput(bulkIncidentsInput, input)
  const { actor, clock } = context
  const wanted = [...new Set(ids)].sort((a, b) => a - b)
  const verb = { action: 'incident.bulk', permission: 'incident:write' } as const
  const done = await write(context, verb, async (transaction) => {
    const nowMs = clock.now()
    const rows = new Map((await lockIncidents(transaction, actor, wanted)).map((row) => [row.id, row]))
    const failed: BulkResult['failed'] = []
    const changed: IncidentRow[] = []
    const undo: UndoEntry[] = []
    const audit: AuditEntry[] = []
    for (const id of wanted) {
      const row = rows.get(id)
      try {
        if (!row) throw incidentNotFound(id)
        const expected = versions[id]
        const expectedVersions = expected === undefined ? undefined : [expected]
        await requireVersion(transaction, { expectedVersions }, `incident:${id}`, row.version)
        const applied = await changeIncident(transaction, { actor, nowMs }, row, change)
        if (!applied) continue
        if (comment) await logActivity(transaction, actor, nowMs, id, 'comment', { text: comment })
        changed.push(row)
        undo.push({ id, version: applied.version, values: undoValues(applied.before) })
        const detail = { before: applied.before, after: applied.after, version: applied.version, bulk: true }
        audit.push({
          actor,
          action: `incident.${change.action}`,
          target: `incident:${id}`,
          unitPath: row.unitPath,
          detail,
        })
      } catch (error) {
        // Refusals come before anything is written; any other error ends the whole.
        if (!(error instanceof CodedError)) throw error
        failed.push({ id, code: error.code, message: error.message, detail: error.detail })
      }
    }
    const undoToken = await storeUndo(transaction, context, undo, nowMs)
    await appendAuditAll(transaction, clock, audit)
    const result: BulkResult = { changed: changed.length, undoToken, failed }
    return {
      result: { result, changed },
      target: 'incidents',
      unitPath: ownUnit(actor),
      detail: { action: change.action, changed: changed.map(({ id }) => id), failed: failed.map(({ id }) => id) },
      unchanged: changed.length === 0,
    }
  })
  const action = change.action === 'close' ? 'closed' : 'changed'
  for (const { id, unitPath } of done.changed) tellIncident(context, id, unitPath, action)
  return done.result
}

/** Keeps what the change replaced and returns the token that takes it back; null when nothing changed. */
async function storeUndo(
  transaction: Transaction,
  { actor, clock }: LiveContext,
  before: UndoEntry[],
  nowMs: number,
): Promise<string | null> {
  await transaction.delete(incidentUndo).where(lt(incidentUndo.expiresAt, new Date(nowMs)))
  if (before.length === 0) return null
  const token = clock.random(24).toString('base64url')
  const expiresAt = new Date(nowMs + undoMs)
  await transaction.insert(incidentUndo).values({ token, actorKind: actor.kind, actorId: actor.id, expiresAt, before })
  return token
}
