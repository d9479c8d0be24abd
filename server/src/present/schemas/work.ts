import { z } from 'zod'
import { flag, manyOf, pageQuery, severity } from './common.ts'

export const entity = z
  .object({
    type: z.enum(['host', 'user', 'ip', 'domain', 'process', 'file', 'url']),
    value: z.string(),
    role: z.enum(['actor', 'target', 'observed']),
  })
  .meta({ id: 'Entity' })

/** A text in the two languages of the product. */
export const bilingual = z.object({ zh: z.string(), en: z.string() }).meta({ id: 'Bilingual' })

export const incidentStatus = z.enum(['new', 'in_progress', 'on_hold', 'closed']).meta({ id: 'IncidentStatus' })

export const closeReason = z
  .enum(['true_positive', 'false_positive', 'benign', 'duplicate'])
  .meta({ id: 'CloseReason' })

export const incident = z
  .object({
    id: z.number().int(),
    title: bilingual,
    severity,
    status: incidentStatus,
    closeReason: closeReason.nullable(),
    score: z.number(),
    scoreParts: z
      .array(
        z.object({
          name: z.string(),
          points: z.number(),
          because: z.record(z.string(), z.union([z.string(), z.number()])),
        }),
      )
      .describe('Named parts that add up to the score.'),
    story: bilingual,
    tactics: z.array(z.string()),
    techniques: z.array(z.string()),
    entities: z.array(entity),
    ruleIds: z.array(z.string()),
    unitPath: z.string(),
    assigneeId: z.number().int().nullable(),
    assigneeName: z.string().nullable(),
    detectionCount: z.number().int(),
    eventCount: z.number().int(),
    firstSeenAt: z.date(),
    lastSeenAt: z.date(),
    createdAt: z.date(),
    updatedAt: z.date(),
    closedAt: z.date().nullable(),
  })
  .meta({ id: 'Incident' })

export const incidentQuery = pageQuery.extend({
  status: manyOf(incidentStatus),
  severity: manyOf(severity),
  assignee: z
    .union([z.enum(['me', 'none']), z.coerce.number().int().min(1)])
    .optional()
    .describe('`me`, `none`, or a user id.'),
  rule: z.string().max(256).optional(),
  entity: z.string().max(512).optional().describe('An entity value the incident must hold, e.g. an address.'),
  text: z.string().max(200).optional().describe('Part of the title or the story.'),
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
  sort: z.enum(['-score', '-lastSeenAt', 'lastSeenAt', '-createdAt', '-severity']).default('-lastSeenAt'),
})

export const incidentChange = z
  .object({
    assigneeId: z.number().int().min(1).nullable(),
    status: z.enum(['new', 'in_progress', 'on_hold']),
    severity,
  })
  .partial()

export const closeInput = z.object({ reason: closeReason, comment: z.string().trim().max(4000).optional() })

export const timelineEntry = z
  .object({
    id: z.string(),
    at: z.date(),
    kind: z.enum(['detection', 'comment', 'change', 'delivery']),
    actor: z.string().nullable(),
    text: z.string(),
    detail: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'TimelineEntry' })

export const comment = z
  .object({ id: z.number().int(), author: z.string(), text: z.string(), createdAt: z.date() })
  .meta({ id: 'Comment' })

export const graph = z
  .object({
    nodes: z.array(
      z.object({ id: z.string(), type: entity.shape.type, value: z.string(), detectionCount: z.number().int() }),
    ),
    edges: z.array(
      z.object({
        from: z.string(),
        to: z.string(),
        label: z.string(),
        severity,
        detectionCount: z.number().int(),
      }),
    ),
  })
  .meta({ id: 'IncidentGraph' })

export const bulkInput = z.object({
  ids: z.array(z.number().int().min(1)).min(1).max(500),
  action: z.enum(['assign', 'status', 'severity', 'close', 'reopen']),
  assigneeId: z.number().int().min(1).nullable().optional(),
  status: z.enum(['new', 'in_progress', 'on_hold']).optional(),
  severity: severity.optional(),
  reason: closeReason.optional(),
  comment: z.string().trim().max(4000).optional(),
})

export const bulkResult = z
  .object({
    changed: z.number().int(),
    undoId: z.string().nullable().describe('POST /incidents/bulk/undo takes it back within ten minutes.'),
    failed: z.array(z.object({ id: z.number().int(), code: z.string(), message: z.string() })),
  })
  .meta({ id: 'BulkResult' })

export const detection = z
  .object({
    id: z.string(),
    ruleId: z.string(),
    ruleTitle: z.string(),
    detector: z.enum(['sigma', 'correlation', 'intel', 'model', 'analytic']),
    severity,
    at: z.date().describe('Event time of the event that made it fire.'),
    createdAt: z.date(),
    summary: z.string(),
    unitPath: z.string(),
    sourceKey: z.string(),
    techniques: z.array(z.string()),
    tactics: z.array(z.string()),
    entities: z.array(entity),
    eventIds: z.array(z.string()),
    matched: z.array(z.object({ part: z.string(), field: z.string(), value: z.string() })),
    fields: z.record(z.string(), z.unknown()),
    incidentId: z.number().int().nullable(),
    suppressedBy: z.number().int().nullable().describe('Id of the exception that silenced it.'),
    count: z.number().int().describe('How many alike were folded into this one.'),
  })
  .meta({ id: 'Detection' })

export const detectionQuery = pageQuery.extend({
  severity: manyOf(severity),
  rule: z.string().max(256).optional(),
  detector: manyOf(detection.shape.detector),
  incident: z.coerce.number().int().min(1).optional(),
  entity: z.string().max(512).optional(),
  suppressed: flag.optional(),
  text: z.string().max(200).optional(),
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
})

export const exception = z
  .object({
    id: z.number().int(),
    name: z.string(),
    reason: z.string(),
    ruleId: z.string().nullable().describe('Null: every detector.'),
    conditions: z.array(z.object({ field: z.string(), operator: z.string(), values: z.array(z.string()) })),
    unitPath: z.string(),
    ownerId: z.number().int().nullable(),
    ownerName: z.string(),
    expiresAt: z.date().nullable(),
    active: z.boolean(),
    hitCount: z.number().int(),
    lastHitAt: z.date().nullable(),
    createdAt: z.date(),
  })
  .meta({ id: 'Exception' })

export const exceptionInput = z.object({
  name: z.string().trim().min(1).max(200),
  reason: z.string().trim().min(1).max(2000),
  ruleId: z.string().max(256).nullable().default(null),
  conditions: z
    .array(
      z.object({
        field: z.string().min(1).max(200),
        operator: z.enum(['equals', 'contains', 'starts_with', 'ends_with', 'cidr']),
        values: z.array(z.string().max(1000)).min(1).max(100),
      }),
    )
    .min(1)
    .max(20),
  unitId: z.number().int().min(1).optional(),
  expiresAt: z.iso.datetime({ offset: true }),
})

export const channel = z
  .object({
    id: z.number().int(),
    name: z.string(),
    kind: z.enum(['webhook', 'email']),
    settings: z.record(z.string(), z.unknown()).describe('Secrets are write-only and read as `***`.'),
    minimumSeverity: severity,
    enabled: z.boolean(),
    unitPath: z.string(),
    createdAt: z.date(),
    lastDeliveryAt: z.date().nullable(),
    lastError: z.string().nullable(),
  })
  .meta({ id: 'Channel' })

export const channelInput = z.object({
  name: z.string().trim().min(1).max(100),
  kind: z.enum(['webhook', 'email']),
  settings: z.record(z.string(), z.unknown()),
  minimumSeverity: severity.default('medium'),
  enabled: z.boolean().default(true),
  unitId: z.number().int().min(1).optional(),
})

export const delivery = z
  .object({
    id: z.number().int(),
    channelId: z.number().int(),
    channelName: z.string(),
    incidentId: z.number().int().nullable(),
    status: z.enum(['pending', 'delivered', 'failed']),
    attempts: z.number().int(),
    lastError: z.string().nullable(),
    nextAttemptAt: z.date().nullable(),
    createdAt: z.date(),
    deliveredAt: z.date().nullable(),
  })
  .meta({ id: 'Delivery' })
