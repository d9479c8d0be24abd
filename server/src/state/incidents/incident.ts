import { and, eq, inArray, notInArray, type SQL } from 'drizzle-orm'
import type { Change } from '../../event/change.ts'
import { CodedError } from '../../event/errors.ts'
import type { Entity, Severity } from '../../event/event.ts'
import type { Bilingual, CloseReason, EntityFact, IncidentStatus, ScorePart } from '../../event/incident.ts'
import { users } from '../../seams/store/schema/identity.ts'
import { incidents } from '../../seams/store/schema/incidents.ts'
import type { Transaction } from '../../seams/store/store.ts'
import { type Actor, covers } from '../actor.ts'
import type { LiveContext } from '../live.ts'
import { withinUnit } from '../scope.ts'

export const visibleStatuses = ['new', 'in_progress', 'on_hold', 'closed'] as const
export const openStatuses = ['new', 'in_progress', 'on_hold'] as const
export const closeReasons = ['true_positive', 'false_positive', 'benign', 'duplicate'] as const satisfies CloseReason[]
export const severities = ['informational', 'low', 'medium', 'high', 'critical'] as const satisfies Severity[]

/** An entity with where its address lies (ISO 3166) and who runs the network of it, when that is known. */
type IncidentEntity = Entity & Pick<EntityFact, 'country' | 'organisation'>

/** An incident as people see it. Times of `firstSeenAt` and `lastSeenAt` are event time. */
export interface Incident {
  id: number
  title: Bilingual
  severity: Severity
  /** A person set the severity. */
  severityPinned: boolean
  status: IncidentStatus
  closeReason: CloseReason | null
  closeNote: string | null
  score: number
  /** Their points add up to `score`. */
  scoreParts: ScorePart[]
  story: Bilingual
  /** In the order of an attack. */
  tactics: string[]
  techniques: string[]
  /**
   * Actors first, then hosts that were attacked, accounts, addresses, domains, and programs and files last; of one kind by
   * first sight; at most `entityLimit`.
   */
  entities: IncidentEntity[]
  ruleIds: string[]
  /** Who wrote these rules, each once. */
  ruleAuthors: string[]
  unitPath: string
  assigneeId: number | null
  assigneeName: string | null
  detectionCount: number
  /** Single firings. */
  matchCount: number
  firstSeenAt: Date
  lastSeenAt: Date
  openedAt: Date
  updatedAt: Date
  acknowledgedAt: Date | null
  closedAt: Date | null
  continues: number | null
  duplicateOf: number | null
  /** Rises with every change a person makes. */
  version: number
}

const entityLimit = 20
const roleRank = { actor: 0, target: 1, observed: 2 }
const typeRank = { host: 1, user: 2, ip: 3, domain: 4, url: 5, process: 6, file: 7 }

/** Place of an entity in what people are shown; a program is last also where it acted: it says less than who ran it. */
function entityRank({ type, role }: Entity): number {
  const isActor = role === 'actor' && typeRank[type] < typeRank.url
  return isActor ? 0 : typeRank[type] * 10 + roleRank[role]
}

export const incidentColumns = { incident: incidents, assigneeName: users.displayName }

export type IncidentRow = typeof incidents.$inferSelect

export function incidentView({
  incident,
  assigneeName,
}: {
  incident: IncidentRow
  assigneeName: string | null
}): Incident {
  const {
    titleZh,
    titleEn,
    storyZh,
    storyEn,
    facts,
    severityRank: _,
    createdAt,
    openedAt,
    mergedInto: __,
    ...rest
  } = incident
  const entities = facts.entities.toSorted((a, b) => entityRank(a) - entityRank(b)).slice(0, entityLimit)
  return {
    ...rest,
    title: { zh: titleZh, en: titleEn },
    story: { zh: storyZh, en: storyEn },
    entities: entities.map(({ type, value, role, country, organisation }) => ({
      type,
      value,
      role,
      country,
      organisation,
    })),
    ruleAuthors: [...new Set(facts.rules.flatMap(({ author }) => author ?? []))].sort(),
    openedAt: openedAt ?? createdAt,
    assigneeName,
  }
}

/** Condition: incidents people see, of the actor's units. */
export function visibleTo(actor: Actor): SQL {
  return and(withinUnit(incidents.unitPath, actor.unitPath), notInArray(incidents.status, ['candidate', 'merged']))!
}

/**
 * The incidents of the actor's units among `ids`, locked in the order of their ids until the transaction ends.
 */
export async function lockIncidents(transaction: Transaction, actor: Actor, ids: number[]): Promise<IncidentRow[]> {
  return transaction
    .select()
    .from(incidents)
    .where(and(inArray(incidents.id, ids), visibleTo(actor)))
    .orderBy(incidents.id)
    .for('update')
}

/** The same for one; throws NOT_FOUND. */
export async function lockIncident(transaction: Transaction, actor: Actor, id: number): Promise<IncidentRow> {
  const [row] = await lockIncidents(transaction, actor, [id])
  if (!row) throw incidentNotFound(id)
  return row
}

export function incidentNotFound(id: number): CodedError {
  return new CodedError('NOT_FOUND', `incident:${id} was not found`, { target: `incident:${id}` })
}

/** Throws NOT_FOUND unless the incident is one the actor sees; gives its unit. */
export async function requireVisible(
  database: Pick<Transaction, 'select'>,
  actor: Actor,
  id: number,
): Promise<{ unitPath: string }> {
  const [row] = await database
    .select({ unitPath: incidents.unitPath })
    .from(incidents)
    .where(and(eq(incidents.id, id), visibleTo(actor)))
  if (!row || !covers(actor, row.unitPath)) throw incidentNotFound(id)
  return row
}

/** Tells live screens that the incident changed; to be called after the commit. */
export function tellIncident({ notify, clock }: LiveContext, id: number, unitPath: string, action: string): void {
  const change: Change = { noun: 'incident', id: String(id), action, unitPath, atMs: clock.now() }
  notify(change)
}

/** The unit a row about many things belongs to; the program itself stands above the root. */
export function ownUnit(actor: Actor): string {
  return actor.unitPath === '/' ? '/1/' : actor.unitPath
}
