import { and, eq, or } from 'drizzle-orm'
import { z } from 'zod'
import type { IncidentFacts, RuleFact } from '../../event/incident.ts'
import { users } from '../../seams/store/schema/identity.ts'
import { incidents } from '../../seams/store/schema/incidents.ts'
import type { Database } from '../../seams/store/store.ts'
import type { Actor } from '../actor.ts'
import { idNumber, parseInput } from '../input.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'
import { type Incident, incidentColumns, incidentNotFound, incidentView, visibleTo } from './incident.ts'

const getIncidentInput = z.strictObject({ id: idNumber })

export interface IncidentDetail extends Incident {
  /** Incidents that go on where this one ended. */
  continuedBy: number[]
  /** Incidents that became part of this one. */
  mergedFrom: number[]
  rules: Pick<RuleFact, 'id' | 'title' | 'titleZh' | 'author'>[]
  /** What title, story and score are made from. */
  facts: IncidentFacts
}

/**
 * One incident; for one that was merged, the incident it became part of. Throws NOT_FOUND when it does not exist or lies
 * outside the actor's units.
 */
export async function getIncident(context: Context, input: z.input<typeof getIncidentInput>): Promise<IncidentDetail> {
  const { id } = parseInput(getIncidentInput, input)
  return read(context, 'incident:read', (database) => loadIncident(database, context.actor, id))
}

/** The same for a verb that has checked its own permission. */
export async function loadIncident(database: Database, actor: Actor, id: number): Promise<IncidentDetail> {
  const row = (await find(database, actor, id)) ?? (await find(database, actor, await survivorOf(database, actor, id)))
  if (!row) throw incidentNotFound(id)
  const view = incidentView(row)
  const related = await database
    .select({
      id: incidents.id,
      continues: incidents.continues,
      mergedInto: incidents.mergedInto,
      status: incidents.status,
    })
    .from(incidents)
    .where(
      and(
        or(eq(incidents.continues, view.id), eq(incidents.mergedInto, view.id)),
        withinUnit(incidents.unitPath, actor.unitPath),
      ),
    )
    .orderBy(incidents.id)
    .limit(200)
  return {
    ...view,
    rules: row.incident.facts.rules.map(({ id, title, titleZh, author }) => ({ id, title, titleZh, author })),
    facts: row.incident.facts,
    continuedBy: related
      .filter(({ continues, status }) => continues === view.id && status !== 'candidate' && status !== 'merged')
      .map((one) => one.id),
    mergedFrom: related.filter(({ mergedInto }) => mergedInto === view.id).map((one) => one.id),
  }
}

async function find(database: Database, actor: Actor, id: number | null) {
  if (id === null) return undefined
  const [row] = await database
    .select(incidentColumns)
    .from(incidents)
    .leftJoin(users, eq(users.id, incidents.assigneeId))
    .where(and(eq(incidents.id, id), visibleTo(actor)))
  return row
}

async function survivorOf(database: Database, actor: Actor, id: number): Promise<number | null> {
  const [row] = await database
    .select({ mergedInto: incidents.mergedInto })
    .from(incidents)
    .where(and(eq(incidents.id, id), eq(incidents.status, 'merged'), withinUnit(incidents.unitPath, actor.unitPath)))
  return row?.mergedInto ?? null
}
