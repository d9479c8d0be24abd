import { z } from 'zod'
import { cannotFireCodes } from '../readiness.ts'
import { severity } from './common.ts'

export const cannotFire = z
  .object({
    code: z.enum(cannotFireCodes),
    sourceId: z.string().optional(),
    source: z.string().optional(),
    field: z.string().optional(),
    was: z.number().optional().describe('Share of events that had the field, 0 to 1.'),
    since: z.date().optional(),
    part: z.string().optional().describe('Hop, rule, thread, store or queue that is at fault.'),
  })
  .meta({ id: 'CannotFire' })

const runState = z.enum(['running', 'succeeded', 'failed', 'cancelled', 'lost'])
const runCause = z.enum(['scheduled', 'catch_up', 'late', 'manual'])

export const run = z
  .object({
    id: z.number().int(),
    kind: z.enum(['analytic', 'backtest']),
    subjectId: z.string().describe('Id of the analytic or the rule.'),
    title: z.string(),
    titleZh: z.string().nullable(),
    unitPath: z.string(),
    windowFrom: z.date(),
    windowTo: z.date(),
    cause: runCause.describe('Its time had come, an outage had left it out, late events, or a person.'),
    attempt: z.number().int(),
    state: runState.describe('`lost`: the program ended while it ran.'),
    startedAt: z.date(),
    endedAt: z.date().nullable(),
    rowsRead: z.number().nullable(),
    matches: z.number().int().nullable(),
    errorCode: z.string().nullable(),
    error: z.string().nullable(),
    retryAt: z.date().nullable(),
    requestedBy: z.string(),
  })
  .meta({ id: 'Run' })

const analyticWindow = z.object({
  from: z.date(),
  to: z.date(),
  state: z.enum(['due', 'done', 'given_up']),
  cause: runCause,
  attempts: z.number().int().describe('Failed attempts since it was last due.'),
  answeredAt: z.date().nullable(),
})

export const analytic = z
  .object({
    id: z.string(),
    name: z.string(),
    title: z.string(),
    titleZh: z.string(),
    description: z.string(),
    descriptionZh: z.string(),
    severity,
    everyMinutes: z.number().int(),
    delayMinutes: z.number().int(),
    lateAfterMinutes: z.number().int(),
    lookBackDays: z.number().int(),
    enabled: z.boolean(),
    open: z.number().int().describe('Windows that are due and not answered.'),
    givenUp: z.number().int().describe('Windows given up after the last attempt.'),
    openSince: z.date().nullable(),
    windows: z.array(analyticWindow).describe('Those of the asked time, earliest first.'),
  })
  .meta({ id: 'Analytic' })

export const canary = z
  .object({
    id: z.string(),
    sourceId: z.string().nullable(),
    sourceName: z.string().nullable(),
    unitPath: z.string(),
    ruleId: z.string().nullable().describe('The rule that has to fire; null where only the parser is proven.'),
    parser: z.string().nullable(),
    input: z.enum(['syslog-udp', 'syslog-tcp', 'http', 'bus']).nullable(),
    state: z.enum(['waiting', 'running', 'arrived', 'lost', 'interrupted', 'impossible']),
    lostAt: z
      .enum(['sent', 'parsed', 'detected', 'correlated', 'stored', 'searchable'])
      .nullable()
      .describe('The first hop it did not reach.'),
    detail: z.string().nullable(),
    requestedBy: z.string(),
    requestedAt: z.date(),
    sentAt: z.date().nullable(),
    parsedAt: z.date().nullable(),
    detectedAt: z.date().nullable(),
    correlatedAt: z.date().nullable(),
    storedAt: z.date().nullable(),
    searchableAt: z.date().nullable(),
    endedAt: z.date().nullable(),
  })
  .meta({ id: 'Canary' })

export const readiness = z
  .object({
    enabled: z.number().int(),
    canFire: z.number().int(),
    reasons: z
      .array(z.object({ code: z.enum(cannotFireCodes), count: z.number().int() }))
      .describe('Of the enabled rules that cannot fire, by their first reason.'),
    stopped: z.number().int().describe('Enabled rules that could fire and cannot any more.'),
    causes: z
      .array(cannotFire.extend({ count: z.number().int() }))
      .describe('What stopped them, those that stopped most first.'),
    history: z
      .array(z.object({ at: z.date(), enabled: z.number().int(), canFire: z.number().int() }))
      .describe('Of the whole platform; empty for whoever belongs to a unit below the root.'),
  })
  .meta({ id: 'Readiness' })

export const attackMatrix = z
  .object({
    tactics: z.array(z.object({ id: z.string(), key: z.string(), en: z.string(), zh: z.string() })),
    techniques: z.array(
      z.object({
        id: z.string(),
        en: z.string(),
        zh: z.string(),
        tactics: z.array(z.string()),
        coverage: z.enum(['can', 'cannot', 'none']),
        ruleIds: z.array(z.string()),
        detections: z.number().int().describe('Of the last 30 days.'),
      }),
    ),
    rules: z.array(
      z.object({
        id: z.string(),
        title: z.string(),
        titleZh: z.string().nullable(),
        severity,
        enabled: z.boolean(),
        canFire: z.boolean(),
        cannotFire: z.array(cannotFire),
      }),
    ),
  })
  .meta({ id: 'AttackMatrix' })
