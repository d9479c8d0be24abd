import { z } from 'zod'
import { cannotFireCodes } from '../readiness.ts'
import { severity } from './common.ts'
import { ruleSample } from './platform.ts'

const yaml = z.string().max(1 << 19)
const samples = z.object({ fires: z.array(ruleSample).max(50), silent: z.array(ruleSample).max(50) })
const note = z.string().max(1_000).default('')

const ruleProblem = z
  .object({
    severity: z.enum(['error', 'warning']),
    code: z.string().describe('Why: `yaml`, `condition`, `modifier`, `regex`, …'),
    message: z.string(),
    hint: z.string(),
    line: z.number().int().describe('From 1.'),
    column: z.number().int(),
  })
  .meta({ id: 'RuleProblem' })

export const ruleTextInput = z.object({ yaml, samples: samples.default({ fires: [], silent: [] }), note })
export const ruleVersionInput = ruleTextInput.extend({ expectedRevision: z.number().int() })
export const ruleStageInput = z.object({
  stage: z.enum(['test', 'live']),
  version: z.number().int().min(1).nullable().describe('Null takes it out of the stage; an older one rolls back.'),
  expectedRevision: z.number().int(),
  note,
  evidence: z.record(z.string(), z.unknown()).default({}).describe('What was known when it was done.'),
})

const ruleVersion = z
  .object({
    ruleId: z.string(),
    version: z.number().int().describe('0 is the shipped text.'),
    note: z.string(),
    check: z.object({ problems: z.array(ruleProblem) }),
    sampleResult: z.object({ passed: z.number().int(), failed: z.number().int() }).nullable(),
    createdAt: z.date(),
    createdBy: z.string(),
  })
  .meta({ id: 'RuleVersion' })

export const ruleVersionText = ruleVersion
  .extend({
    yaml: z.string(),
    samples: z.object({ fires: z.array(ruleSample), silent: z.array(ruleSample) }),
    samplesWithheld: z.boolean().describe('Samples may be records of other units; they are shown to the root unit.'),
  })
  .meta({ id: 'RuleVersionText' })

export const ruleHistory = z
  .object({
    versions: z.array(ruleVersion),
    next: z.string().nullable(),
    promotions: z.array(
      z.object({
        id: z.number().int(),
        stage: z.enum(['test', 'live']),
        version: z.number().int().nullable(),
        before: z.number().int().nullable(),
        note: z.string(),
        evidence: z.record(z.string(), z.unknown()),
        at: z.date(),
        by: z.string(),
      }),
    ),
  })
  .meta({ id: 'RuleHistory' })

export const ruleChecked = z
  .object({
    valid: z.boolean(),
    problems: z.array(ruleProblem),
    rules: z.array(
      z.object({
        id: z.string(),
        title: z.string(),
        titleZh: z.string().nullable(),
        kind: z.enum(['detection', 'correlation', 'filter']),
        severity,
        logsource: z.object({
          category: z.string().nullable(),
          product: z.string().nullable(),
          service: z.string().nullable(),
        }),
        fields: z.array(
          z.object({
            name: z.string(),
            places: z.array(z.string()).describe('Fields of events that are read for it.'),
          }),
        ),
        sourcePresent: z.boolean().nullable().describe('Events of its log source came lately; null where it has none.'),
        cost: z.enum(['low', 'medium', 'high']).nullable().describe('To the stream; null for what is not a detection.'),
        sql: z.string().nullable().describe('The same condition over stored events; null where it has none.'),
      }),
    ),
    shippedId: z.string().nullable().describe('The shipped rule that this text would stand in for.'),
    storedId: z.string().nullable().describe('The stored rule of this id.'),
  })
  .meta({ id: 'RuleChecked' })

export const ruleRunInput = z.object({
  yaml,
  samples: samples.default({ fires: [], silent: [] }),
  eventIds: z.array(z.string().max(128)).max(50).default([]).describe('Stored events to look at.'),
})

const explained = z.object({
  ruleId: z.string(),
  title: z.string(),
  fires: z.boolean(),
  applies: z.boolean().describe('The event is of the rule’s log source.'),
  parts: z.array(
    z.object({
      name: z.string(),
      matches: z.boolean(),
      tests: z.array(
        z.object({
          field: z.string().nullable(),
          modifiers: z.array(z.string()),
          matches: z.boolean(),
          state: z.enum(['absent', 'null', 'present']),
          values: z.array(z.string()),
          patterns: z.array(z.object({ matches: z.boolean(), operator: z.string(), text: z.string() })),
        }),
      ),
    }),
  ),
})

const place = z.object({ eventId: z.string(), timeMs: z.number() })

export const correlationWhy = z
  .object({
    ruleId: z.string(),
    title: z.string(),
    type: z.string().describe('`event_count`, `value_count`, `temporal`, `temporal_ordered`, …'),
    timespanMs: z.number(),
    fires: z.boolean(),
    titles: z.record(z.string(), z.object({ en: z.string(), zh: z.string().nullable() })),
    rules: z
      .array(z.object({ rule: z.string(), matches: z.number().int(), uncounted: z.number().int() }))
      .describe('The rules it refers to: matches, and of these how many lack a field it groups or counts by.'),
    groups: z
      .array(
        z.object({
          scope: z.string(),
          group: z.record(z.string(), z.string()),
          firedAtMs: z.array(z.number()),
          window: z.object({
            fromMs: z.number(),
            toMs: z.number(),
            eventIds: z.array(z.string()),
            measured: z.number().optional(),
          }),
          thresholds: z.array(
            z.object({
              operator: z.enum(['gt', 'gte', 'lt', 'lte', 'eq', 'neq']),
              number: z.number(),
              holds: z.boolean(),
            }),
          ),
          steps: z.array(
            z.object({
              rule: z.string(),
              wanted: z.boolean().describe('False under a `not`: it must stay away.'),
              seen: z.boolean(),
              nearest: place.optional(),
            }),
          ),
        }),
      )
      .describe('Groups that fired, then those that came nearest.'),
    groupsLeftOut: z.number().int(),
    uncounted: z.array(place.extend({ rule: z.string(), field: z.string() })),
  })
  .meta({ id: 'CorrelationWhy' })

const ranEvent = z.object({
  eventId: z.string(),
  line: z.string(),
  understood: z.boolean(),
  fields: z.record(z.string(), z.unknown()),
  explanations: z.array(explained),
})

export const ruleRun = z
  .object({
    passed: z.number().int(),
    failed: z.number().int(),
    samples: z.array(
      z.object({
        expected: z.enum(['fires', 'silent']),
        index: z.number().int(),
        parser: z.string(),
        fired: z.array(z.string()).describe('Ids of the rules that fired.'),
        passed: z.boolean(),
        problem: z.string().nullable(),
        events: z.array(ranEvent),
        eventsLeftOut: z.number().int(),
        correlations: z
          .array(correlationWhy)
          .describe('Why each correlation of the text fired on the sample, or did not.'),
      }),
    ),
    events: z.array(ranEvent.extend({ fired: z.array(z.string()) })),
    correlations: z.array(correlationWhy).describe('The same over the stored events together.'),
  })
  .meta({ id: 'RuleRun' })

export const ruleJob = z
  .object({
    id: z.number().int(),
    kind: z.enum(['back_test', 'import']),
    ruleId: z.string().nullable(),
    unitPath: z.string(),
    status: z.enum(['waiting', 'running', 'done', 'failed', 'cancelled']),
    done: z.number().int(),
    total: z.number().int(),
    input: z.record(z.string(), z.unknown()),
    result: z.record(z.string(), z.unknown()).nullable(),
    problem: z.object({ code: z.string(), message: z.string() }).nullable(),
    createdAt: z.date(),
    createdBy: z.string(),
    endedAt: z.date().nullable(),
  })
  .meta({ id: 'RuleJob' })

export const backTestInput = z.object({
  yaml,
  ruleId: z.string().max(128).optional().describe('The rule whose running version it is compared with.'),
  days: z.number().int().min(1).max(30).default(7),
})

const backTestAlert = z.object({
  ruleId: z.string(),
  summary: z.string(),
  summaryZh: z.string().nullable(),
  at: z.string(),
  matchCount: z.number().int(),
  unitPath: z.string(),
  eventId: z.string().nullable(),
  matched: z.array(z.object({ part: z.string(), field: z.string(), value: z.string() })),
})

const backTestResult = z
  .object({
    from: z.string(),
    to: z.string(),
    days: z.number().int(),
    hitCount: z.number().int().describe('Events that match, as the store counts them.'),
    examined: z.number().int().describe('Events that were run through detection and correlation.'),
    cut: z.boolean().describe('More matched than were run: alerts are a lower bound.'),
    rulesWithoutSql: z.array(z.string()),
    perDay: z.array(z.object({ day: z.string(), hits: z.number().int(), alerts: z.number().int() })),
    alertCount: z.number().int().describe('Folded as alerts are: by rule, entity and ten minutes.'),
    alertsPerDay: z.number(),
    noise: z.enum(['quiet', 'noisy', 'flood']),
    samples: z.array(backTestAlert),
    entities: z.array(z.object({ type: z.string(), value: z.string(), count: z.number().int() })),
    hidden: z.array(z.object({ exceptionId: z.number().int(), name: z.string(), count: z.number().int() })),
    difference: z
      .object({
        before: z.number().int().describe('Firings of the running version.'),
        now: z.number().int(),
        added: z.number().int().describe('Firings that the running version does not have.'),
        lost: z.number().int(),
        cut: z.boolean(),
        addedSamples: z.array(backTestAlert),
        lostSamples: z.array(backTestAlert),
      })
      .nullable()
      .describe('Against the running version; null when there is none or it is the same.'),
  })
  .meta({ id: 'BackTestResult' })

export const backTestJob = ruleJob.extend({ result: backTestResult.nullable() }).meta({ id: 'BackTestJob' })

export const ruleFindings = z
  .object({
    items: z.array(
      z.object({
        id: z.string(),
        ruleId: z.string(),
        ruleVersion: z.number().int().describe('The version on trial that found it.'),
        severity,
        unitPath: z.string(),
        firstSeenAt: z.date(),
        lastSeenAt: z.date(),
        matchCount: z.number().int(),
        suppressedBy: z.number().int().nullable().describe('The exception that would hide it.'),
        summary: z.string(),
        summaryZh: z.string().nullable(),
        eventIds: z.array(z.string()),
        entities: z.array(z.object({ type: z.string(), value: z.string() })),
      }),
    ),
    total: z.number().int(),
    next: z.string().nullable(),
    firings: z.number().int(),
  })
  .meta({ id: 'RuleFindings' })

export const ruleCollection = z
  .object({
    id: z.number().int(),
    name: z.string(),
    fileName: z.string(),
    sha256: z.string(),
    licence: z.string(),
    ruleCount: z.number().int(),
    createdAt: z.date(),
    createdBy: z.string(),
    updatedAt: z.date(),
  })
  .meta({ id: 'RuleCollection' })

const ruleImportReport = z
  .object({
    collectionId: z.number().int(),
    files: z.number().int(),
    loaded: z.number().int().describe('Rules that compile.'),
    canFire: z.number().int().describe('Detections whose log source was seen lately.'),
    cannotFire: z
      .array(z.object({ logsource: z.string(), count: z.number().int() }))
      .describe('Log sources that were not seen lately, by number of rules.'),
    refusedCount: z.number().int(),
    refused: z.array(z.object({ path: z.string(), line: z.number().int(), reason: z.string(), message: z.string() })),
    duplicateCount: z.number().int(),
    duplicates: z.array(z.object({ path: z.string(), id: z.string(), of: z.string() })),
    addedCount: z.number().int(),
    changedCount: z.number().int(),
    removedCount: z.number().int(),
    keptCount: z.number().int().describe('Changed here by hand: the new text is a version that does not run.'),
    unchanged: z.number().int(),
    changed: z.array(z.string()),
    removed: z.array(z.string()),
    kept: z.array(z.string()),
    licence: z.string(),
  })
  .meta({ id: 'RuleImportReport' })

export const ruleImportJob = ruleJob.extend({ result: ruleImportReport.nullable() }).meta({ id: 'RuleImportJob' })

export const rulesBulkInput = z.object({
  filter: z.object({
    text: z.string().max(200).optional(),
    severity: z.array(severity).optional(),
    enabled: z.boolean().optional(),
    canFire: z.boolean().optional(),
    why: z.enum(cannotFireCodes).optional(),
    technique: z.string().max(20).optional(),
    origin: z.array(z.enum(['shipped', 'own', 'override', 'import'])).optional(),
    stage: z.array(z.enum(['live', 'test', 'draft'])).optional(),
    collection: z.number().int().optional(),
  }),
  /** Of stored rules: the newest version of each goes there; `draft` takes them out. */
  stage: z.enum(['draft', 'test', 'live']).optional(),
  enabled: z.boolean().optional(),
  note,
})
