import { z } from 'zod'
import { severity } from './common.ts'

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
