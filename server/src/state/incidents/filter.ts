import { and, count, eq, gte, inArray, isNull, lte, or, type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { incidentEntities, incidents } from '../../seams/store/schema/incidents.ts'
import type { Database } from '../../seams/store/store.ts'
import type { Actor } from '../actor.ts'
import { idNumber } from '../input.ts'
import { containsText, withinUnit } from '../scope.ts'
import { locateUnit } from '../units/locate.ts'
import { severities, visibleStatuses, visibleTo } from './incident.ts'

/** What a list of incidents can be narrowed by; all given parts hold. */
export const incidentFilter = {
  status: z.array(z.enum(visibleStatuses)).max(10).optional(),
  severity: z.array(z.enum(severities)).max(10).optional(),
  /** `me`, `none`, or a user id. */
  assignee: z.union([z.enum(['me', 'none']), idNumber]).optional(),
  /** This unit and those below it. */
  unitId: idNumber.optional(),
  rule: z.string().max(256).optional(),
  /** Value of an entity it holds, e.g. an address. */
  entity: z.string().max(512).optional(),
  /** Part of the title or the story, in either language, or its number. */
  text: z.string().max(200).optional(),
  /** Active at some time from here … */
  from: z.date().optional(),
  /** … to here (event time). */
  to: z.date().optional(),
  /** Opened, and closed, at this time or later (the platform's clock). */
  openedFrom: z.date().optional(),
  closedFrom: z.date().optional(),
}

type Filter = z.output<z.ZodObject<typeof incidentFilter>>

export async function incidentCondition(database: Database, actor: Actor, filter: Filter): Promise<SQL> {
  const { status, severity, assignee, unitId, rule, entity, text, from, to, openedFrom, closedFrom } = filter
  const unit = unitId === undefined ? undefined : await locateUnit(database, actor, unitId)
  return and(
    visibleTo(actor),
    unit ? withinUnit(incidents.unitPath, unit.path) : undefined,
    status?.length ? inArray(incidents.status, status) : undefined,
    severity?.length ? inArray(incidents.severity, severity) : undefined,
    assignee === undefined ? undefined : assigneeCondition(actor, assignee),
    rule ? sql`${incidents.ruleIds} @> ARRAY[${rule}]` : undefined,
    entity ? holdsEntity(entity) : undefined,
    text ? textCondition(text.trim()) : undefined,
    from ? gte(incidents.lastSeenAt, from) : undefined,
    to ? lte(incidents.firstSeenAt, to) : undefined,
    openedFrom ? gte(incidents.openedAt, openedFrom) : undefined,
    closedFrom ? gte(incidents.closedAt, closedFrom) : undefined,
  )!
}

export async function countIncidentsWhere(database: Database, condition: SQL): Promise<number> {
  const [counted] = await database.select({ total: count() }).from(incidents).where(condition)
  return counted?.total ?? 0
}

function assigneeCondition(actor: Actor, assignee: 'me' | 'none' | number): SQL {
  if (assignee === 'none') return isNull(incidents.assigneeId)
  if (assignee !== 'me') return eq(incidents.assigneeId, assignee)
  // A token is nobody's assignee.
  return actor.kind === 'user' && /^\d+$/.test(actor.id) ? eq(incidents.assigneeId, Number(actor.id)) : sql`false`
}

/** Hosts, accounts and domains are kept in lower case, paths and URLs as they came. */
function holdsEntity(value: string): SQL {
  return sql`EXISTS (SELECT 1 FROM ${incidentEntities} e WHERE e.incident_id = ${incidents.id}
    AND e.value IN (${value}, ${value.toLowerCase()}))`
}

function textCondition(text: string): SQL | undefined {
  const columns = [incidents.titleZh, incidents.titleEn, incidents.storyZh, incidents.storyEn]
  const number = /^#?(\d{1,15})$/.exec(text)?.[1]
  return or(
    ...columns.map((column) => containsText(column, text)),
    number ? eq(incidents.id, Number(number)) : undefined,
  )
}

/** Throws BAD_REQUEST when the span is turned round. */
export function requireOrder({ from, to }: Pick<Filter, 'from' | 'to'>): void {
  if (from && to && from > to) throw new CodedError('BAD_REQUEST', 'The time range ends before it begins', { from, to })
}
