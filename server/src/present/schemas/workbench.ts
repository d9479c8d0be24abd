import { z } from 'zod'
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
      }),
    ),
    events: z.array(ranEvent.extend({ fired: z.array(z.string()) })),
  })
  .meta({ id: 'RuleRun' })
