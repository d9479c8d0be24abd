import { asc, eq } from 'drizzle-orm'
import { z } from 'zod'
import { type EntityType, type Severity, severityRank } from '../../event/event.ts'
import type { EntityFact } from '../../event/incident.ts'
import { detections } from '../../seams/store/schema/incidents.ts'
import { idNumber, parseInput } from '../input.ts'
import { type Context, read } from '../write.ts'
import { requireVisible } from './incident.ts'

const graphIncidentInput = z.strictObject({ id: idNumber })

export interface IncidentGraph {
  nodes: { id: string; type: EntityType; value: string; role: EntityFact['role']; detectionCount: number }[]
  /** From who acted to what was acted upon, one for each rule. */
  edges: {
    from: string
    to: string
    ruleId: string
    label: string
    labelZh: string | null
    severity: Severity
    detectionCount: number
    firstSeenAt: Date
  }[]
  /** There is more than is shown. */
  truncated: boolean
}

const limits = { detections: 2_000, nodes: 150, edges: 400 }

/** Entities of an incident and the detections that tie them, oldest first, bounded so that a picture stays readable. */
export async function graphIncident(
  context: Context,
  input: z.input<typeof graphIncidentInput>,
): Promise<IncidentGraph> {
  const { id } = parseInput(graphIncidentInput, input)
  return read(context, 'incident:read', async (database) => {
    await requireVisible(database, context.actor, id)
    const rows = await database
      .select({
        ruleId: detections.ruleId,
        ruleTitle: detections.ruleTitle,
        ruleTitleZh: detections.ruleTitleZh,
        severity: detections.severity,
        entities: detections.entities,
        firstSeenAt: detections.firstSeenAt,
      })
      .from(detections)
      .where(eq(detections.incidentId, id))
      .orderBy(asc(detections.firstSeenAt), asc(detections.id))
      .limit(limits.detections + 1)
    return draw(rows.slice(0, limits.detections), rows.length > limits.detections)
  })
}

interface Drawn {
  ruleId: string
  ruleTitle: string
  ruleTitleZh: string | null
  severity: Severity
  entities: EntityFact[]
  firstSeenAt: Date
}

const roleRank = { actor: 0, target: 1, observed: 2 }

function draw(rows: Drawn[], isCut: boolean): IncidentGraph {
  const nodes = new Map<string, IncidentGraph['nodes'][number]>()
  const edges = new Map<string, IncidentGraph['edges'][number]>()
  let truncated = isCut
  const nodeOf = ({ type, value, role }: EntityFact): string | undefined => {
    const id = `${type}|${value}`
    const known = nodes.get(id)
    if (!known && nodes.size >= limits.nodes) {
      truncated = true
      return undefined
    }
    const node = known ?? { id, type, value, role, detectionCount: 0 }
    if (roleRank[role] < roleRank[node.role]) node.role = role
    node.detectionCount++
    nodes.set(id, node)
    return id
  }
  for (const { ruleId, ruleTitle: label, ruleTitleZh: labelZh, severity, entities, firstSeenAt } of rows) {
    const placed = entities.map((entity) => ({ entity, id: nodeOf(entity) }))
    const ids = (role: EntityFact['role']) =>
      placed.filter(({ entity }) => entity.role === role).flatMap(({ id }) => id ?? [])
    for (const from of ids('actor')) {
      for (const to of ids('target')) {
        const key = `${from}\0${to}\0${ruleId}`
        const edge = edges.get(key)
        if (edge) {
          edge.detectionCount++
          if (severityRank[severity] > severityRank[edge.severity]) edge.severity = severity
        } else if (edges.size >= limits.edges) truncated = true
        else edges.set(key, { from, to, ruleId, label, labelZh, severity, detectionCount: 1, firstSeenAt })
      }
    }
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()], truncated }
}
