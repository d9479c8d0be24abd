import { z } from 'zod'
import type { App } from '../app.ts'
import { pending } from '../pending.ts'
import { listOf, pageQuery } from '../schemas/common.ts'
import { auditRow, auditVerification } from '../schemas/identity.ts'

const auditQuery = pageQuery.extend({
  actor: z.string().max(200).optional(),
  action: z.string().max(200).optional(),
  target: z.string().max(200).optional(),
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
})

export function auditRoutes(app: App): void {
  const tags = ['audit']
  app.get(
    '/audit',
    {
      config: { access: 'audit:read' },
      schema: {
        tags,
        operationId: 'listAudit',
        summary: 'Who did what, newest first',
        querystring: auditQuery,
        response: { 200: listOf(auditRow) },
      },
    },
    pending,
  )
  app.get(
    '/audit/export',
    {
      config: { access: 'audit:read' },
      schema: {
        tags,
        operationId: 'exportAudit',
        summary: 'The audit trail as NDJSON',
        querystring: auditQuery.omit({ limit: true, after: true }),
        produces: ['application/x-ndjson'],
      },
    },
    pending,
  )
  app.post(
    '/audit/verify',
    {
      config: { access: 'audit:read' },
      schema: {
        tags,
        operationId: 'verifyAudit',
        summary: 'Check the hash chain and its signed heads',
        response: { 200: auditVerification },
      },
    },
    pending,
  )
}
