import { Readable } from 'node:stream'
import { z } from 'zod'
import { exportAudit } from '../../state/audit/export.ts'
import { listAudit } from '../../state/audit/list.ts'
import { verifyAudit } from '../../state/audit/verify.ts'
import { rootUnitPath } from '../../state/units/unit.ts'
import { requireScope } from '../../state/write.ts'
import type { App } from '../app.ts'
import { contextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { listOf, pageQuery } from '../schemas/common.ts'
import { auditRow, auditVerification } from '../schemas/identity.ts'
import { paged } from '../schemas/paged.ts'

const auditQuery = pageQuery.extend({
  actor: z.string().max(200).optional(),
  action: z.string().max(200).optional(),
  target: z.string().max(200).optional(),
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
})

export function auditRoutes(app: App, dependencies: Dependencies): void {
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
    async (request) => listAudit(contextOf(request, dependencies), paged(request.query)),
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
    async (request, reply) => {
      const lines = exportAudit(contextOf(request, dependencies), request.query)
      const first = await lines.next()
      reply.header('content-disposition', 'attachment; filename="audit.ndjson"')
      reply.type('application/x-ndjson; charset=utf-8')
      return reply.send(Readable.from(following(first, lines)))
    },
  )
  app.post(
    '/audit/verify',
    {
      config: { access: 'audit:read' },
      schema: {
        tags,
        operationId: 'verifyAudit',
        summary: 'Check the hash chain and its signed heads; for auditors of the root unit',
        response: { 200: auditVerification },
      },
    },
    async (request) => {
      // One chain for the whole installation: what it names is for the eyes of the whole.
      requireScope(request.actor, rootUnitPath, 'audit')
      return verifyAudit(dependencies.database, dependencies.config.dataDir)
    },
  )
}

/** The part that was waited for, so that a refusal has its code, and the rest. */
async function* following(first: IteratorResult<string>, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  if (first.done) return
  yield first.value
  yield* rest
}
