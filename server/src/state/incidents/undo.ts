import { and, eq, gt } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { incidents, incidentUndo } from '../../seams/store/schema/incidents.ts'
import { type AuditEntry, appendAuditAll } from '../audit/append.ts'
import { parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import { changedMeanwhile } from '../version.ts'
import { write } from '../write.ts'
import { logActivity } from './change.ts'
import { type IncidentRow, incidentNotFound, lockIncidents, ownUnit, tellIncident } from './incident.ts'

const undoIncidentsInput = z.strictObject({ token: z.string().min(1).max(64) })

export type UndoEntry = (typeof incidentUndo.$inferInsert)['before'][number]

export interface UndoResult {
  changed: number
  failed: { id: number; code: string; message: string; detail: Record<string, unknown> }[]
}

/** Columns of time; JSON keeps them as text. */
const timeColumns = new Set(['acknowledgedAt', 'closedAt'])

/** Columns as they are kept for an undo. */
export function undoValues(before: Partial<IncidentRow>): UndoEntry['values'] {
  const values = Object.entries(before).map(([name, value]) => [
    name,
    value instanceof Date ? value.toISOString() : value,
  ])
  return Object.fromEntries(values) as UndoEntry['values']
}

/**
 * Takes a bulk change back, once, within its time and by who made it. An incident that was changed again meanwhile stays
 * as it is and is named in `failed`. Throws NOT_FOUND for a token that is unknown, used, expired or another's.
 */
export async function undoIncidents(
  context: LiveContext,
  input: z.input<typeof undoIncidentsInput>,
): Promise<UndoResult> {
  const { token } = parseInput(undoIncidentsInput, input)
  const { actor, clock } = context
  const done = await write(context, { action: 'incident.undo', permission: 'incident:write' }, async (transaction) => {
    const nowMs = clock.now()
    const isOwn = and(eq(incidentUndo.actorKind, actor.kind), eq(incidentUndo.actorId, actor.id))
    const [undo] = await transaction
      .delete(incidentUndo)
      .where(and(eq(incidentUndo.token, token), isOwn, gt(incidentUndo.expiresAt, new Date(nowMs))))
      .returning()
    if (!undo) throw new CodedError('NOT_FOUND', 'There is nothing to take back under this token any more')
    const ids = undo.before.map(({ id }) => id)
    const rows = new Map((await lockIncidents(transaction, actor, ids)).map((row) => [row.id, row]))
    const failed: UndoResult['failed'] = []
    const changed: IncidentRow[] = []
    const audit: AuditEntry[] = []
    for (const { id, version, values } of undo.before) {
      const row = rows.get(id)
      if (row?.version !== version) {
        const { code, message, detail } = row
          ? await changedMeanwhile(transaction, `incident:${id}`, row.version)
          : incidentNotFound(id)
        failed.push({ id, code, message, detail })
        continue
      }
      const columns = Object.entries(values).map(([name, value]) => [
        name,
        timeColumns.has(name) && value ? new Date(String(value)) : value,
      ])
      const set = {
        ...Object.fromEntries(columns),
        version: version + 1,
        updatedAt: new Date(nowMs),
      } as Partial<IncidentRow>
      await transaction.update(incidents).set(set).where(eq(incidents.id, id))
      await logActivity(transaction, actor, nowMs, id, 'undone', { after: values })
      changed.push(row)
      audit.push({
        actor,
        action: 'incident.undo',
        target: `incident:${id}`,
        unitPath: row.unitPath,
        detail: { after: values },
      })
    }
    await appendAuditAll(transaction, clock, audit)
    const result: UndoResult = { changed: changed.length, failed }
    return {
      result: { result, changed },
      target: 'incidents',
      unitPath: ownUnit(actor),
      detail: { changed: changed.map(({ id }) => id), failed: failed.map(({ id }) => id) },
    }
  })
  for (const { id, unitPath } of done.changed) tellIncident(context, id, unitPath, 'changed')
  return done.result
}
