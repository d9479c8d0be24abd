import { z } from 'zod'
import { flag, manyOf, pageQuery, severity } from './common.ts'

const entity = z
  .object({
    type: z.enum(['host', 'user', 'ip', 'domain', 'process', 'file', 'url']),
    value: z.string(),
    role: z.enum(['actor', 'target', 'observed']),
    country: z.string().optional().describe('ISO 3166 code of where the address lies.'),
    organisation: z.string().optional().describe("Who runs the address's network."),
  })
  .meta({ id: 'Entity' })

/** A text in the two languages of the product. */
const bilingual = z.object({ zh: z.string(), en: z.string() }).meta({ id: 'Bilingual' })

const detectionEntity = entity
  .extend({
    firstMs: z.number(),
    lastMs: z.number(),
    matches: z.number().int(),
  })
  .meta({ id: 'DetectionEntity' })

const incidentStatus = z.enum(['new', 'in_progress', 'on_hold', 'closed']).meta({ id: 'IncidentStatus' })

const closeReason = z.enum(['true_positive', 'false_positive', 'benign', 'duplicate']).meta({ id: 'CloseReason' })

export const incident = z
  .object({
    id: z.number().int(),
    title: bilingual,
    severity,
    status: incidentStatus,
    closeReason: closeReason.nullable(),
    closeNote: z.string().nullable(),
    severityPinned: z.boolean().describe('A person set the severity; the score no longer moves it.'),
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
    ruleAuthors: z.array(z.string()).describe('Who wrote these rules, each once.'),
    unitPath: z.string(),
    assigneeId: z.number().int().nullable(),
    assigneeName: z.string().nullable(),
    detectionCount: z.number().int(),
    matchCount: z.number().int().describe('Single firings; a detection folds many alike.'),
    firstSeenAt: z.date(),
    lastSeenAt: z.date(),
    openedAt: z.date(),
    updatedAt: z.date(),
    acknowledgedAt: z.date().nullable().describe('When a person first took it in hand.'),
    closedAt: z.date().nullable(),
    duplicateOf: z.number().int().nullable(),
    continues: z.number().int().nullable().describe('The earlier incident this one goes on from.'),
    version: z.number().int().describe('Rises with every change a person makes.'),
  })
  .meta({ id: 'Incident' })

export const incidentDetail = incident
  .extend({
    continuedBy: z.array(z.number().int()).describe('Incidents that go on where this one ended.'),
    mergedFrom: z.array(z.number().int()).describe('Incidents that became part of this one.'),
    rules: z.array(
      z.object({ id: z.string(), title: z.string(), titleZh: z.string().nullable(), author: z.string().nullable() }),
    ),
  })
  .meta({ id: 'IncidentDetail' })

export const incidentQuery = pageQuery.extend({
  status: manyOf(incidentStatus),
  severity: manyOf(severity),
  assignee: z
    .union([z.enum(['me', 'none']), z.coerce.number().int().min(1)])
    .optional()
    .describe('`me`, `none`, or a user id.'),
  unitId: z.coerce.number().int().min(1).optional().describe('This unit and those below it.'),
  rule: z.string().max(256).optional(),
  entity: z.string().max(512).optional().describe('An entity value the incident must hold, e.g. an address.'),
  text: z.string().max(200).optional().describe('Part of the title or the story.'),
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
  openedFrom: z.iso.datetime({ offset: true }).optional().describe('Opened at this time or later.'),
  closedFrom: z.iso.datetime({ offset: true }).optional().describe('Closed at this time or later.'),
  sort: z
    .enum(['-lastSeenAt', 'lastSeenAt', '-score', 'score', '-openedAt', 'openedAt', '-severity', 'severity'])
    .default('-lastSeenAt'),
})

export const incidentChange = z
  .object({
    assigneeId: z.number().int().min(1).nullable(),
    status: z.enum(['new', 'in_progress', 'on_hold']),
    severity,
  })
  .partial()

export const closeInput = z.object({
  reason: closeReason,
  note: z.string().trim().max(4000).optional(),
  duplicateOf: z.number().int().min(1).optional().describe('The incident it duplicates, with that reason.'),
})

export const noticeInput = z.object({
  channelId: z.number().int().min(1),
  note: z.string().trim().max(1000).default('').describe('What the sender adds.'),
})

export const noticePreview = z
  .object({
    kind: z.enum(['webhook', 'email']),
    subject: z.string().nullable().describe('Of a mail.'),
    text: z.string().describe('The mail as text, or the body of the webhook.'),
  })
  .meta({ id: 'NoticePreview' })

export const relatedIncident = incident
  .pick({
    ...{ id: true, title: true, severity: true, status: true, score: true },
    ...{ unitPath: true, firstSeenAt: true, lastSeenAt: true },
  })
  .extend({ shared: z.array(entity.pick({ type: true, value: true })) })
  .meta({ id: 'RelatedIncident' })

export const timelineEntry = z
  .object({
    id: z.string(),
    at: z.date(),
    kind: z.enum(['detection', 'comment', 'change', 'delivery']),
    actor: z.string().nullable(),
    text: z.string(),
    textZh: z.string().nullable().describe('A detection’s summary in Chinese, where its rule has Chinese.'),
    detail: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'TimelineEntry' })

export const comment = z
  .object({ id: z.number().int(), author: z.string(), text: z.string(), createdAt: z.date() })
  .meta({ id: 'Comment' })

export const graph = z
  .object({
    nodes: z.array(
      z.object({
        id: z.string(),
        type: entity.shape.type,
        value: z.string(),
        role: entity.shape.role,
        detectionCount: z.number().int(),
      }),
    ),
    edges: z.array(
      z.object({
        from: z.string(),
        to: z.string(),
        ruleId: z.string(),
        label: z.string(),
        labelZh: z.string().nullable(),
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
  note: z.string().trim().max(4000).optional(),
  duplicateOf: z.number().int().min(1).optional(),
  comment: z.string().trim().max(4000).optional(),
  versions: z
    .record(z.string().regex(/^\d{1,16}$/), z.number().int())
    .optional()
    .describe('By incident id: the version the change was thought out on; one that has another by now is not changed.'),
})

export const bulkResult = z
  .object({
    changed: z.number().int(),
    undoId: z.string().nullable().describe('POST /incidents/bulk/undo takes it back within ten minutes.'),
    failed: z.array(
      z.object({
        id: z.number().int(),
        code: z.string(),
        message: z.string(),
        detail: z.record(z.string(), z.unknown()),
      }),
    ),
  })
  .meta({ id: 'BulkResult' })

export const detection = z
  .object({
    id: z.string(),
    ruleId: z.string(),
    ruleTitle: z.string(),
    ruleTitleZh: z.string().nullable().describe('Null for rules without Chinese.'),
    ruleAttribution: z
      .object({ author: z.string().optional(), license: z.string().optional(), reference: z.string().optional() })
      .nullable()
      .describe(
        'Whose rule it is: rule.author, rule.license and rule.reference of ECS. Null for rules that name nobody.',
      ),
    detector: z.enum(['sigma', 'correlation', 'intel', 'model', 'analytic']),
    severity,
    firstSeenAt: z.date().describe('Event time of the first firing.'),
    lastSeenAt: z.date().describe('Event time of the last firing.'),
    matchCount: z.number().int().describe('Firings alike within ten minutes that were folded into this one.'),
    createdAt: z.date(),
    updatedAt: z.date(),
    summary: z.string(),
    summaryZh: z.string().nullable(),
    unitPath: z.string(),
    sourceKey: z.string(),
    techniques: z.array(z.string()),
    tactics: z.array(z.string()),
    entities: z.array(detectionEntity),
    eventIds: z.array(z.string()),
    matched: z.array(z.object({ part: z.string(), field: z.string(), value: z.string() })),
    fields: z.record(z.string(), z.unknown()),
    incidentId: z.number().int().nullable(),
    suppressedBy: z.number().int().nullable().describe('Id of the exception that hid it.'),
    acknowledgedAt: z.date().nullable(),
    acknowledgedBy: z.string().nullable(),
  })
  .meta({ id: 'Detection' })

export const detectionQuery = pageQuery.extend({
  severity: manyOf(severity),
  rule: z.string().max(256).optional(),
  detector: manyOf(detection.shape.detector),
  incident: z.coerce.number().int().min(1).optional(),
  entity: z.string().max(512).optional(),
  suppressed: flag.optional(),
  exception: z.coerce.number().int().min(1).optional().describe('Only those this exception hides.'),
  acknowledged: flag.optional(),
  unitId: z.coerce.number().int().min(1).optional(),
  text: z.string().max(200).optional(),
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
})

const exceptionCondition = z.object({
  field: z
    .string()
    .min(1)
    .max(200)
    .describe('A field of the event, an entity (`entity`, `entity.host` …), `detector`, `severity` or `source.key`.'),
  operator: z.enum(['equals', 'wildcard', 'contains', 'starts_with', 'ends_with', 'cidr']),
  values: z.array(z.string().max(1000)).min(1).max(100).describe('Any of them.'),
})

export const exception = z
  .object({
    id: z.number().int(),
    name: z.string(),
    reason: z.string(),
    effect: z
      .enum(['hide', 'unlink'])
      .describe('`hide`: kept, but opens and joins nothing. `unlink`: the named entities do not group.'),
    ruleIds: z.array(z.string()).describe('Empty: every detector.'),
    conditions: z.array(exceptionCondition),
    unitPath: z.string(),
    ownerName: z.string(),
    expiresAt: z.date(),
    removedAt: z.date().nullable(),
    active: z.boolean(),
    hitCount: z.number().int(),
    lastHitAt: z.date().nullable(),
    version: z.number().int().describe('Rises with every change a person makes; the ETag.'),
    createdAt: z.date(),
    updatedAt: z.date(),
  })
  .meta({ id: 'Exception' })

export const exceptionInput = z.object({
  name: z.string().trim().min(1).max(200),
  reason: z.string().trim().min(1).max(2000),
  effect: exception.shape.effect.default('hide'),
  ruleIds: z.array(z.string().max(256)).max(100).default([]),
  conditions: z.array(exceptionCondition).max(20),
  unitId: z.number().int().min(1).optional().describe('Your own unit when left out.'),
  expiresAt: z.iso.datetime({ offset: true }),
})

export const exceptionChange = z
  .object({
    name: exceptionInput.shape.name,
    reason: exceptionInput.shape.reason,
    effect: exception.shape.effect,
    ruleIds: z.array(z.string().max(256)).max(100),
    conditions: z.array(exceptionCondition).max(20),
    expiresAt: z.iso.datetime({ offset: true }),
  })
  .partial()

export const exceptionDetail = exception
  .extend({
    hits: z
      .array(z.object({ ruleId: z.string(), day: z.string(), matchCount: z.number().int() }))
      .describe('What it hid, by rule and day, latest first.'),
  })
  .meta({ id: 'ExceptionDetail' })

export const exceptionPreviewInput = exceptionInput
  .pick({ ruleIds: true, conditions: true, unitId: true })
  .extend({ days: z.number().int().min(1).max(30).default(7) })

export const exceptionPreview = z
  .object({
    examined: z.number().int(),
    truncated: z.boolean().describe('There were more detections than were looked at.'),
    detectionCount: z.number().int(),
    matchCount: z.number().int(),
    sample: z.array(
      z.object({
        id: z.string(),
        ruleTitle: z.string(),
        ruleTitleZh: z.string().nullable(),
        summary: z.string(),
        summaryZh: z.string().nullable(),
        lastSeenAt: z.date(),
      }),
    ),
  })
  .meta({ id: 'ExceptionPreview' })

const occasion = z.enum(['opened', 'severity_raised', 'closed'])

const webhookSettings = z.strictObject({
  url: z.url().max(2048),
  headers: z.record(z.string().max(100), z.string().max(1000)).optional(),
})

const emailSettings = z.strictObject({
  host: z.string().min(1).max(255),
  port: z.number().int().min(1).max(65535),
  security: z.enum(['tls', 'starttls', 'none']),
  username: z.string().max(255).optional(),
  from: z.string().min(3).max(320),
  to: z.array(z.string().min(3).max(320)).min(1).max(50),
})

export const channel = z
  .object({
    id: z.number().int(),
    name: z.string(),
    kind: z.enum(['webhook', 'email']),
    settings: z.union([webhookSettings, emailSettings]),
    hasSecret: z.boolean().describe('A signing key or password is kept; it is never read back.'),
    language: z.enum(['zh', 'en']),
    minimumSeverity: severity,
    unitIds: z.array(z.number().int()).describe('Only incidents of these units and below; empty: all of `unitPath`.'),
    occasions: z.array(z.string()),
    enabled: z.boolean(),
    unitPath: z.string(),
    version: z.number().int().describe('Rises with every change a person makes; the ETag.'),
    createdAt: z.date(),
    updatedAt: z.date(),
    lastDeliveredAt: z.date().nullable(),
    lastFailedAt: z.date().nullable(),
    lastError: z.string().nullable(),
  })
  .meta({ id: 'Channel' })

export const channelInput = z.object({
  name: z.string().trim().min(1).max(100),
  kind: z.enum(['webhook', 'email']),
  settings: z.union([webhookSettings, emailSettings]),
  secret: z
    .string()
    .min(1)
    .max(4096)
    .optional()
    .describe('Key that signs webhooks, or password of the mail account; write-only.'),
  language: z.enum(['zh', 'en']).default('zh'),
  minimumSeverity: severity.default('medium'),
  unitIds: z.array(z.number().int().min(1)).max(100).default([]),
  occasions: z.array(occasion).min(1).default(['opened', 'severity_raised']),
  enabled: z.boolean().default(true),
})

/** What is left out stays; `settings` replaces the whole. */
export const channelChange = z
  .object({
    name: channelInput.shape.name,
    settings: channelInput.shape.settings,
    secret: z.string().min(1).max(4096),
    language: z.enum(['zh', 'en']),
    minimumSeverity: severity,
    unitIds: z.array(z.number().int().min(1)).max(100),
    occasions: z.array(occasion).min(1),
    enabled: z.boolean(),
  })
  .partial()

export const delivery = z
  .object({
    id: z.number().int(),
    channelId: z.number().int(),
    channelName: z.string(),
    kind: z.enum(['webhook', 'email']),
    occasion: z.string(),
    title: bilingual,
    incidentId: z.number().int().nullable(),
    state: z.enum(['pending', 'delivered', 'failed']),
    attemptCount: z.number().int(),
    attempts: z.array(
      z.object({
        at: z.date(),
        ok: z.boolean(),
        result: z.string(),
        error: z.string().nullable(),
        tookMs: z.number().int(),
      }),
    ),
    lastError: z.string().nullable(),
    nextAttemptAt: z.date().nullable(),
    createdAt: z.date(),
    deliveredAt: z.date().nullable(),
  })
  .meta({ id: 'Delivery' })
