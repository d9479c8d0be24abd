import { and, eq } from 'drizzle-orm'
import { CodedError } from '../../event/errors.ts'
import { type Severity, severityRank } from '../../event/event.ts'
import type { CloseReason } from '../../event/incident.ts'
import { units, users } from '../../seams/store/schema/identity.ts'
import { incidentActivity, incidents } from '../../seams/store/schema/incidents.ts'
import type { Transaction } from '../../seams/store/store.ts'
import { type Actor, covers, permissionsByRole } from '../actor.ts'
import { enqueueNotices } from '../notifications/enqueue.ts'
import { type IncidentRow, requireVisible } from './incident.ts'
import { noticeOf } from './notice.ts'

/** What a person does to an incident; the single verbs and the bulk verb share it. */
export type IncidentChange =
  | { action: 'assign'; assigneeId: number | null }
  | { action: 'status'; status: 'new' | 'in_progress' | 'on_hold' }
  | { action: 'severity'; severity: Severity }
  | { action: 'close'; reason: CloseReason; note?: string; duplicateOf?: number }
  | { action: 'reopen'; note?: string }

export interface AppliedChange {
  /** Columns as they were. */
  before: Partial<IncidentRow>
  after: Partial<IncidentRow>
  /** Version of the row after the change. */
  version: number
}

type ActivityKind = typeof incidentActivity.$inferInsert.kind

const activityKinds: Record<IncidentChange['action'], ActivityKind> = {
  assign: 'assigned',
  status: 'status',
  severity: 'severity',
  close: 'closed',
  reopen: 'reopened',
}

/**
 * Changes one locked incident and writes its log; undefined when it is so already. Throws CONFLICT when its state does
 * not allow the change, NOT_FOUND for an assignee or an original the actor cannot name, BAD_REQUEST for a duplicate
 * without original.
 */
export async function changeIncident(
  transaction: Transaction,
  { actor, nowMs }: { actor: Actor; nowMs: number },
  row: IncidentRow,
  change: IncidentChange,
): Promise<AppliedChange | undefined> {
  const now = new Date(nowMs)
  const wanted = await columnsFor(transaction, actor, row, change, now)
  const after = Object.fromEntries(
    Object.entries(wanted).filter(([name, value]) => !isSame(row[name as keyof IncidentRow], value)),
  ) as Partial<IncidentRow>
  if (Object.keys(after).length === 0) return undefined
  const before = Object.fromEntries(
    Object.keys(after).map((name) => [name, row[name as keyof IncidentRow]]),
  ) as Partial<IncidentRow>
  const version = row.version + 1
  await transaction
    .update(incidents)
    .set({ ...after, version, updatedAt: now })
    .where(eq(incidents.id, row.id))
  const note = 'note' in change && change.note ? { note: change.note } : {}
  const detail = { before: shown(before), after: shown(after), ...note }
  await logActivity(transaction, actor, nowMs, row.id, activityKinds[change.action], detail)
  if (change.action === 'close') await enqueueClosed(transaction, { ...row, ...after }, version, nowMs)
  return { before, after, version }
}

export async function logActivity(
  transaction: Transaction,
  actor: Actor,
  nowMs: number,
  incidentId: number,
  kind: ActivityKind,
  detail: Record<string, unknown>,
): Promise<{ id: number; at: Date }> {
  const at = new Date(nowMs)
  const [row] = await transaction
    .insert(incidentActivity)
    .values({ incidentId, at, actorKind: actor.kind, actorId: actor.id, actorName: actor.name, kind, detail })
    .returning({ id: incidentActivity.id })
  return { id: row!.id, at }
}

async function columnsFor(
  transaction: Transaction,
  actor: Actor,
  row: IncidentRow,
  change: IncidentChange,
  now: Date,
): Promise<Partial<IncidentRow>> {
  const isClosed = row.status === 'closed'
  if (isClosed !== (change.action === 'reopen')) {
    const problem = isClosed ? 'is closed; reopen it first' : 'is not closed'
    throw new CodedError('CONFLICT', `incident:${row.id} ${problem}`, { status: row.status })
  }
  const acknowledgedAt = row.acknowledgedAt ?? now
  switch (change.action) {
    case 'assign':
      if (change.assigneeId === null) return { assigneeId: null }
      await requireAssignee(transaction, actor, change.assigneeId, row.unitPath)
      return { assigneeId: change.assigneeId, acknowledgedAt }
    case 'status':
      return { status: change.status, ...(change.status === 'new' ? {} : { acknowledgedAt }) }
    case 'severity':
      return { severity: change.severity, severityRank: severityRank[change.severity], severityPinned: true }
    case 'close': {
      const duplicateOf = await originalOf(transaction, actor, row, change)
      const { reason: closeReason, note } = change
      return { status: 'closed', closeReason, closeNote: note ?? null, duplicateOf, closedAt: now, acknowledgedAt }
    }
    case 'reopen':
      return { status: 'in_progress', closeReason: null, closeNote: null, duplicateOf: null, closedAt: null }
  }
}

async function originalOf(
  transaction: Transaction,
  actor: Actor,
  row: IncidentRow,
  { reason, duplicateOf }: Extract<IncidentChange, { action: 'close' }>,
): Promise<number | null> {
  if (reason !== 'duplicate' || duplicateOf === undefined) return null
  if (duplicateOf === row.id)
    throw new CodedError('BAD_REQUEST', 'An incident is no duplicate of itself', { duplicateOf })
  await requireVisible(transaction, actor, duplicateOf)
  return duplicateOf
}

/** The assignee works in the actor's units (or is the actor), may change incidents, and sees this one. */
async function requireAssignee(transaction: Transaction, actor: Actor, id: number, unitPath: string): Promise<void> {
  const [user] = await transaction
    .select({ path: units.path, role: users.role, disabled: users.disabled })
    .from(users)
    .innerJoin(units, eq(units.id, users.unitId))
    .where(and(eq(users.id, id)))
  const isSelf = actor.kind === 'user' && actor.id === String(id)
  if (!user || !(isSelf || covers(actor, user.path))) {
    throw new CodedError('NOT_FOUND', `user:${id} was not found`, { target: `user:${id}` })
  }
  const may = permissionsByRole[user.role].includes('incident:write')
  if (user.disabled || !may || !unitPath.startsWith(user.path)) {
    throw new CodedError('CONFLICT', `user:${id} cannot work on this incident`, {
      disabled: user.disabled,
      role: user.role,
    })
  }
}

async function enqueueClosed(
  transaction: Transaction,
  row: IncidentRow,
  version: number,
  nowMs: number,
): Promise<void> {
  const notice = { ...noticeOf(row, 'closed'), cause: `incident:${row.id}:closed:${version}` }
  await enqueueNotices(transaction, [notice], nowMs)
}

function isSame(a: unknown, b: unknown): boolean {
  return a instanceof Date && b instanceof Date ? a.getTime() === b.getTime() : a === b
}

/** Without what follows from the rest. */
function shown({
  severityRank: _,
  severityPinned: __,
  acknowledgedAt: ___,
  closedAt: ____,
  ...rest
}: Partial<IncidentRow>) {
  return rest
}
