import { z } from 'zod'
import { cannotFireCodes } from '../readiness.ts'
import { severity } from './common.ts'
import { cannotFire } from './proof.ts'

export const source = z
  .object({
    id: z.string(),
    key: z.string().describe('Transport family and the name or address of the sender, e.g. `syslog:10.0.0.7`.'),
    name: z.string(),
    transport: z.string(),
    parser: z.string().nullable().describe('Parser in use; null while none is recognised.'),
    pinned: z.boolean().describe('The parser was chosen by a person and is not guessed any more.'),
    unitId: z.number().int(),
    unitPath: z.string(),
    firstSeenAt: z.date(),
    lastSeenAt: z.date(),
    lastEventAt: z.date().nullable(),
    recordCount: z.number().int(),
    unparsedCount: z.number().int(),
    parseRate: z.number().min(0).max(1),
    recordsPerSecond: z.number(),
    silenceAfterMinutes: z.number().nullable(),
    silent: z.boolean(),
    silentSince: z.date().nullable(),
    byteCount: z.number(),
    lastFailure: z.string().nullable().describe('Why the last record that was not understood was not.'),
    timeZone: z.string().nullable().describe('Of times without a zone; null: the platform’s.'),
    retentionClass: z.string(),
    enabled: z.boolean(),
    version: z.number().int().describe('Rises with every change a person makes; the ETag.'),
  })
  .meta({ id: 'Source' })

export const sourceMinute = z
  .object({ at: z.date(), records: z.number(), unparsed: z.number(), bytes: z.number() })
  .meta({ id: 'SourceMinute' })

export const sourceChange = z
  .object({
    name: z.string().trim().min(1).max(200),
    parser: z.string().max(100).nullable().describe('Pins the parser; null lets it be guessed again.'),
    unitId: z.number().int().min(1),
    silenceAfterMinutes: z.number().multipleOf(0.5).min(0.5).max(525_600).nullable(),
    timeZone: z.string().max(64).nullable(),
    retentionClass: z.string().max(32),
    enabled: z.boolean(),
  })
  .partial()

export const unparsedRecord = z
  .object({
    eventId: z.string(),
    receivedAt: z.date(),
    text: z.string(),
    base64: z.string(),
    encoding: z.string(),
    sizeBytes: z.number().int(),
  })
  .meta({ id: 'UnparsedRecord' })

export const parser = z
  .object({
    name: z.string(),
    title: z.object({ zh: z.string(), en: z.string() }),
    generic: z.boolean().describe('Reads content that nothing better knows.'),
  })
  .meta({ id: 'Parser' })

export const rule = z
  .object({
    id: z.string(),
    title: z.string(),
    titleZh: z.string().nullable(),
    description: z.string(),
    descriptionZh: z.string().nullable(),
    severity,
    status: z.string(),
    author: z.string().nullable(),
    kind: z.enum(['detection', 'correlation', 'intel', 'analytic', 'health']),
    logsource: z.object({
      category: z.string().nullable(),
      product: z.string().nullable(),
      service: z.string().nullable(),
    }),
    techniques: z.array(z.string()),
    tactics: z.array(z.string()),
    origin: z
      .enum(['shipped', 'own', 'override', 'import'])
      .describe('`override`: an edited copy of a shipped rule, under its id.'),
    stage: z
      .enum(['live', 'test', 'draft'])
      .describe('`test`: runs, and what it finds is kept apart and tells nobody.'),
    textId: z.string().describe('Id of the rule text it stands in; a text may hold several rules.'),
    collectionId: z.number().int().nullable().describe('The import it came with.'),
    enabled: z.boolean(),
    canFire: z.boolean().describe('Enabled, understood, and a source that could make it fire was seen lately.'),
    cannotFireReasons: z.array(z.enum(cannotFireCodes)).describe('Codes of `cannotFire`, each once.'),
    cannotFire: z.array(cannotFire),
    lastFiredAt: z.date().nullable(),
    firedCount: z.number().int(),
    firedCountLastDay: z.number().int(),
    version: z.number().int().describe('Rises with every change a person makes; the ETag.'),
  })
  .meta({ id: 'Rule' })

export const ruleSample = z.object({ parser: z.string(), lines: z.array(z.string()) })

export const storedRule = z
  .object({
    id: z.string(),
    origin: z.enum(['own', 'override', 'import']),
    collectionId: z.number().int().nullable(),
    path: z.string(),
    headVersion: z.number().int().describe('The newest version; the draft, unless it runs.'),
    testVersion: z.number().int().nullable(),
    liveVersion: z.number().int().nullable(),
    revision: z.number().int().describe('Send it back with a change; CHANGED_MEANWHILE tells of changes in between.'),
    createdAt: z.date(),
    createdBy: z.string(),
    updatedAt: z.date(),
  })
  .meta({ id: 'StoredRule' })

export const ruleDetail = rule
  .extend({
    yaml: z.string(),
    falsePositives: z.array(z.string()),
    references: z.array(z.string()),
    fields: z.array(z.string()).describe('Fields the rule reads.'),
    parts: z.array(z.string()).describe('Ids of the rules a correlation is made of.'),
    samples: z.object({ fires: z.array(ruleSample), silent: z.array(ruleSample) }),
    misses: z.object({ zh: z.string(), en: z.string() }).describe('What it does not see.'),
    steps: z.object({ zh: z.array(z.string()), en: z.array(z.string()) }).describe('What to do when it fires.'),
    history: z.array(z.object({ enabled: z.boolean(), note: z.string(), changedAt: z.date(), changedBy: z.string() })),
    problems: z.array(z.string()).describe('Why the rule was refused, when it was.'),
    stored: storedRule.nullable().describe('Versions and what runs of them; null for a shipped rule nobody edited.'),
  })
  .meta({ id: 'RuleDetail' })

export const asset = z
  .object({
    id: z.number().int(),
    name: z.string(),
    kind: z.string(),
    addresses: z.array(z.string()),
    hostNames: z.array(z.string()),
    criticality: z.enum(['low', 'medium', 'high', 'critical']),
    owner: z.string().nullable(),
    unitId: z.number().int(),
    unitPath: z.string(),
    tags: z.array(z.string()),
    version: z.number().int().describe('Rises with every change a person makes; the ETag.'),
    createdAt: z.date(),
    updatedAt: z.date(),
  })
  .meta({ id: 'Asset' })

export const assetInput = z.object({
  name: z.string().trim().min(1).max(200),
  kind: z.string().trim().min(1).max(50).default('server'),
  addresses: z.array(z.string().max(64)).max(100).default([]),
  hostNames: z.array(z.string().max(255)).max(100).default([]),
  criticality: z.enum(['low', 'medium', 'high', 'critical']).default('medium'),
  owner: z.string().max(200).nullable().default(null),
  unitId: z.number().int().min(1).optional(),
  tags: z.array(z.string().max(64)).max(50).default([]),
})

/** What is left out stays. */
export const assetChange = z
  .object({
    name: assetInput.shape.name,
    kind: z.string().trim().min(1).max(50),
    addresses: z.array(z.string().max(64)).max(100),
    hostNames: z.array(z.string().max(255)).max(100),
    criticality: asset.shape.criticality,
    owner: z.string().max(200).nullable(),
    unitId: z.number().int().min(1),
    tags: z.array(z.string().max(64)).max(50),
  })
  .partial()

export const indicator = z
  .object({
    id: z.number().int(),
    type: z.enum(['ip', 'cidr', 'domain', 'url', 'sha256', 'sha1', 'md5', 'email']),
    value: z.string(),
    severity,
    confidence: z.number().int(),
    description: z.string(),
    origin: z.string().describe('Where it came from: a feed, a file, a person.'),
    unitPath: z.string(),
    active: z.boolean(),
    expiresAt: z.date().nullable(),
    createdAt: z.date(),
    updatedAt: z.date(),
  })
  .meta({ id: 'Indicator' })

export const indicatorInput = z.object({
  type: indicator.shape.type,
  value: z.string().trim().min(1).max(2048),
  severity: severity.default('high'),
  confidence: z.number().int().min(0).max(100).default(75),
  description: z.string().max(2000).default(''),
  origin: z.string().max(200).default('manual'),
  expiresAt: z.iso.datetime({ offset: true }).nullable().default(null),
})

export const platformSettings = z
  .object({
    'sources.silenceAfterMinutes': z.number().int().nullable().describe('Of new sources; null: never.'),
    'canary.everyMinutes': z.number().int().nullable().describe('Null: only on demand.'),
    'canary.exceptSources': z.array(z.string()).describe('Ids of sources that no canary walks by itself.'),
    'signIn.notice': z.string().describe('What people read before they sign in.'),
  })
  .meta({ id: 'PlatformSettings' })

export const importResult = z
  .object({
    imported: z.number().int(),
    unchanged: z.number().int(),
    rejected: z.array(
      z.object({
        line: z.number().int(),
        code: z.string(),
        message: z.string(),
        problems: z
          .array(
            z.object({
              field: z.string(),
              problem: z.string(),
              parameters: z.record(z.string(), z.union([z.string(), z.number()])),
            }),
          )
          .describe('What is wrong with which field; empty when the line as a whole was refused by the code.'),
      }),
    ),
  })
  .meta({ id: 'ImportResult' })

export const overview = z
  .object({
    generatedAt: z.date(),
    attention: z
      .array(
        z.object({
          kind: z.enum([
            'incidents_unassigned',
            'incidents_mine',
            'sources_silent',
            'sources_unparsed',
            'deliveries_failed',
            'health_problem',
          ]),
          severity,
          count: z.number().int(),
          link: z.string().describe('Path in the web client that shows them.'),
        }),
      )
      .describe('What needs me now, most pressing first.'),
    incidents: z
      .object({
        open: z.number().int(),
        unassigned: z.number().int(),
        mine: z.number().int(),
        openBySeverity: z.record(z.string(), z.number().int()),
        openedLastDay: z.number().int(),
        closedLastDay: z.number().int(),
        meanTimeToAcknowledgeMs: z.number().nullable().describe('Of the last 30 days.'),
        meanTimeToCloseMs: z.number().nullable().describe('Of the last 30 days.'),
        openedPerHour: z.array(z.object({ at: z.date(), count: z.number().int() })),
        top: z.array(
          z.object({
            id: z.number().int(),
            title: z.object({ zh: z.string(), en: z.string() }),
            severity,
            score: z.number(),
            status: z.string(),
            lastSeenAt: z.date(),
          }),
        ),
      })
      .nullable(),
    detections: z
      .object({
        lastDay: z.number().int(),
        trend: z.array(z.object({ at: z.date(), count: z.number().int(), by: z.record(z.string(), z.number().int()) })),
        topRules: z.array(
          z.object({
            ruleId: z.string(),
            title: z.string(),
            titleZh: z.string().nullable(),
            severity,
            count: z.number().int(),
          }),
        ),
      })
      .nullable(),
    events: z
      .object({
        lastDay: z.number().int(),
        perSecond: z.number(),
        trend: z.array(z.object({ at: z.date(), count: z.number().int() })),
      })
      .nullable(),
    sources: z
      .object({
        total: z.number().int(),
        silent: z.number().int(),
        parseRate: z.number(),
        worst: z.array(
          z.object({
            id: z.string(),
            name: z.string(),
            silent: z.boolean(),
            parseRate: z.number(),
            lastSeenAt: z.date(),
          }),
        ),
      })
      .nullable(),
    missing: z.array(z.string()).describe('Parts that are null: not for your eyes, or not to be read now.'),
  })
  .meta({ id: 'Overview' })

export const health = z
  .object({
    status: z.enum(['healthy', 'degraded', 'down']),
    version: z.string(),
    startedAt: z.date(),
    uptimeSeconds: z.number(),
    problems: z.array(
      z.object({
        part: z.string(),
        severity,
        message: z.string(),
        problem: z.enum(['not_running', 'no_answer', 'queue_full', 'disk_low', 'loss']),
        parameters: z.record(z.string(), z.union([z.string(), z.number()])),
      }),
    ),
    children: z.array(
      z.object({
        name: z.string(),
        status: z.enum(['starting', 'running', 'restarting', 'stopped', 'external']),
        version: z.string().nullable(),
        processId: z.number().int().nullable(),
        restarts: z.number().int(),
        lastError: z.string().nullable(),
      }),
    ),
    threads: z.array(
      z.object({
        name: z.string(),
        status: z.enum(['starting', 'running', 'restarting', 'stopped']),
        restarts: z.number().int(),
      }),
    ),
    bus: z.array(
      z.object({
        topic: z.string(),
        group: z.string(),
        lag: z.number().int(),
        bytes: z.number(),
        limitBytes: z.number(),
      }),
    ),
    disk: z.object({ path: z.string(), totalBytes: z.number(), freeBytes: z.number() }).nullable(),
    losses: z
      .array(z.object({ counter: z.string(), value: z.number(), description: z.string() }))
      .describe('Everything that was ever dropped or evicted since the start, counted.'),
    process: z.object({ memoryBytes: z.number(), heapBytes: z.number(), cpuSeconds: z.number() }),
    versions: z.record(z.string(), z.string()),
    settings: z.record(z.string(), z.unknown()).describe('Settings in force; secrets are left out.'),
  })
  .meta({ id: 'Health' })

export const ingestResult = z
  .object({
    accepted: z.number().int().describe('Records that are durable now.'),
    bytes: z.number().int(),
  })
  .meta({ id: 'IngestResult' })
