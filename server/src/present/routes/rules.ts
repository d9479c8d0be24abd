import { z } from 'zod'
import type { App } from '../app.ts'
import { pending } from '../pending.ts'
import { flag, listOf, manyOf, pageQuery, severity, textIdParams } from '../schemas/common.ts'
import { rule, ruleDetail } from '../schemas/platform.ts'

export function ruleRoutes(app: App): void {
  const tags = ['rules']
  app.get(
    '/rules',
    {
      config: { access: 'rule:read' },
      schema: {
        tags,
        operationId: 'listRules',
        summary: 'Rules, and whether each can fire now',
        querystring: pageQuery.extend({
          text: z.string().max(200).optional(),
          severity: manyOf(severity),
          enabled: flag.optional(),
          canFire: flag.optional(),
          technique: z.string().max(20).optional(),
        }),
        response: { 200: listOf(rule) },
      },
    },
    pending,
  )
  app.get(
    '/rules/:id',
    {
      config: { access: 'rule:read' },
      schema: {
        tags,
        operationId: 'getRule',
        summary: 'One rule: text, samples, evidence',
        params: textIdParams,
        response: { 200: ruleDetail },
      },
    },
    pending,
  )
  app.patch(
    '/rules/:id',
    {
      config: { access: 'rule:write' },
      schema: {
        tags,
        operationId: 'changeRule',
        summary: 'Switch a rule on or off',
        params: textIdParams,
        body: z.object({ enabled: z.boolean() }),
        response: { 200: ruleDetail },
      },
    },
    pending,
  )
}
