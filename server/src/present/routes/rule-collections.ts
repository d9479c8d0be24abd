import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { getRuleJob } from '../../state/rule-jobs/list.ts'
import { listCollections } from '../../state/rules/list-collections.ts'
import { removeCollection } from '../../state/rules/remove-collection.ts'
import { rootUnitPath } from '../../state/units/unit.ts'
import { requireScope } from '../../state/write.ts'
import type { App } from '../app.ts'
import { contextOf, tell } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import type { OpenRuleBook } from '../rule-book.ts'
import type { RuleStatuses } from '../rule-status.ts'
import { listOf, noContent, numericIdParams } from '../schemas/common.ts'
import { ruleCollection, ruleImportJob, ruleJob } from '../schemas/workbench.ts'
import { importRules } from '../workbench/import.ts'
import type { RuleJobs } from '../workbench/jobs.ts'

const tags = ['rules']
/** A SigmaHQ release with everything has 4 MB. */
const uploadLimitBytes = 32 * 2 ** 20

/** Archives of rules: imported, renewed and removed as a whole. */
export function ruleCollectionRoutes(
  app: App,
  dependencies: Dependencies,
  surroundings: { book: OpenRuleBook; statuses: RuleStatuses; jobs: RuleJobs },
): void {
  const { book, statuses, jobs } = surroundings
  app.register(async (instance) => {
    const uploads = instance as unknown as App
    uploads.removeAllContentTypeParsers()
    uploads.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: uploadLimitBytes },
      async (_: unknown, body: Buffer) => body,
    )
    uploads.post(
      '/rule-collections',
      {
        config: { access: 'rule:write' },
        bodyLimit: uploadLimitBytes,
        schema: {
          tags,
          operationId: 'importRules',
          summary:
            'Upload a zip of Sigma rules; a job that reports on all of them. The same name renews the collection',
          querystring: z.object({
            name: z.string().trim().min(1).max(100),
            fileName: z.string().min(1).max(255),
            stage: z.enum(['draft', 'test', 'live']).default('draft'),
          }),
          consumes: ['application/zip', 'application/octet-stream'],
          response: { 202: ruleJob },
        },
      },
      async (request, reply) => {
        const context = contextOf(request, dependencies)
        const { name, fileName, stage } = request.query
        requireScope(request.actor, rootUnitPath, `rule-collection:${name}`)
        const bytes = request.body as Buffer | null
        if (!Buffer.isBuffer(bytes) || bytes.length === 0)
          throw new CodedError('BAD_REQUEST', 'The request has no body')
        const opened = await book()
        const seen = await statuses.seen(request)
        const facts = { kind: 'import' as const, ruleId: null, input: { name, fileName, stage, bytes: bytes.length } }
        const job = await jobs.start(context, facts, async (tools) => {
          const report = await importRules(context, opened, { bytes, name, fileName, stage, seen }, tools)
          tell(dependencies, { noun: 'rule', id: `collection:${report.collectionId}`, action: 'imported' })
          return report
        })
        return reply.status(202).send(job)
      },
    )
  })
  app.get(
    '/rule-collections',
    {
      config: { access: 'rule:read' },
      schema: {
        tags,
        operationId: 'listRuleCollections',
        summary: 'Imported collections of rules',
        response: { 200: listOf(ruleCollection) },
      },
    },
    async (request) => {
      const items = await listCollections(contextOf(request, dependencies))
      return { items, total: items.length, next: null }
    },
  )
  app.get(
    '/rule-collections/imports/:id',
    {
      config: { access: 'rule:read' },
      schema: {
        tags,
        operationId: 'getRuleImport',
        summary: 'An import and its report',
        params: numericIdParams,
        response: { 200: ruleImportJob },
      },
    },
    async (request) => {
      const job = await getRuleJob(contextOf(request, dependencies), request.params)
      const target = `rule-import:${job.id}`
      if (job.kind !== 'import') throw new CodedError('NOT_FOUND', `${target} was not found`, { target })
      return job as z.input<typeof ruleImportJob>
    },
  )
  app.delete(
    '/rule-collections/:id',
    {
      config: { access: 'rule:write' },
      schema: {
        tags,
        operationId: 'removeRuleCollection',
        summary: 'Take a collection out with all its rules',
        params: numericIdParams,
        response: { 204: noContent },
      },
    },
    async (request, reply) => {
      await removeCollection(contextOf(request, dependencies), request.params)
      tell(dependencies, { noun: 'rule', id: `collection:${request.params.id}`, action: 'removed' })
      return reply.status(204).send(null)
    },
  )
}
