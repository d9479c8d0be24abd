import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { countByTechnique } from '../../state/detections/count-by-technique.ts'
import { readinessSince } from '../../state/readiness/record.ts'
import { loadRuleStates } from '../../state/rules/load-states.ts'
import { getSource } from '../../state/sources/get.ts'
import { locateUnit } from '../../state/units/locate.ts'
import { rootUnitPath } from '../../state/units/unit.ts'
import type { Context } from '../../state/write.ts'
import type { App } from '../app.ts'
import { type Matrix, matrixOf, matrixRows, navigatorLayer } from '../attack-matrix.ts'
import { contextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { sendDownload } from '../download.ts'
import { type ReadinessJudge, summaryOf } from '../readiness.ts'
import type { OpenRuleBook } from '../rule-book.ts'
import { manyOf, numericId, severity } from '../schemas/common.ts'
import { attackMatrix, readiness } from '../schemas/proof.ts'

const dayMs = 86_400_000
const matrixDays = 30
/** Points of the small picture of the number over time. */
const pointsMax = 120

const matrixQuery = z.object({
  source: z.string().max(64).optional().describe('Only rules that this source can make fire.'),
  unitId: numericId.optional(),
  severity: manyOf(severity),
})

/** How many of the enabled rules can fire now, and the ATT&CK matrix coloured by it. */
export function readinessRoutes(app: App, dependencies: Dependencies, book: OpenRuleBook, judge: ReadinessJudge): void {
  const tags = ['rules']
  app.get(
    '/readiness',
    {
      config: { access: 'rule:read' },
      schema: {
        tags,
        operationId: 'getReadiness',
        summary: 'How many of the enabled rules can fire now, why the others cannot, and how it was',
        querystring: z.object({ days: z.coerce.number().int().min(1).max(90).default(7) }),
        response: { 200: readiness },
      },
    },
    async (request) => {
      const context = contextOf(request, dependencies)
      const judged = await judge.judge(context)
      const summary = summaryOf([...(await book()).rules.values()], judged)
      // The past was measured for the whole platform: a single unit's view of it would be another number.
      const isRoot = request.actor.unitPath === rootUnitPath || request.actor.unitPath === '/'
      const since = new Date(dependencies.clock.now() - request.query.days * dayMs)
      const past = isRoot ? await readinessSince(dependencies.database, since) : []
      return { ...summary, history: thinned(past).map(({ at, enabled, canFire }) => ({ at, enabled, canFire })) }
    },
  )

  async function matrix(request: FastifyRequest, query: z.output<typeof matrixQuery>): Promise<Matrix> {
    const own = contextOf(request, dependencies)
    const unitPath =
      query.unitId === undefined
        ? undefined
        : (await locateUnit(dependencies.database, request.actor, query.unitId)).path
    const source = query.source === undefined ? undefined : await getSource(own, query.source)
    const context: Context = { ...own, actor: { ...own.actor, unitPath: unitPath ?? own.actor.unitPath } }
    const [judged, states, detections] = await Promise.all([
      judge.judge(context, source?.id),
      loadRuleStates(dependencies.database),
      request.actor.permissions.has('detection:read')
        ? countByTechnique(own, {
            ...{ from: new Date(dependencies.clock.now() - matrixDays * dayMs), severity: query.severity, unitPath },
            sourceKey: source?.key,
          })
        : new Map<string, number>(),
    ])
    const rules = [...(await book()).rules.values()]
      .filter((entry) => !query.severity?.length || query.severity.includes(entry.severity))
      .map((entry) => ({ entry, enabled: states.get(entry.id)?.enabled ?? true, cannotFire: judged(entry) }))
      .filter(({ cannotFire }) => !source || !cannotFire.some(({ code }) => code === 'no_source'))
    return matrixOf(rules, detections)
  }

  app.get(
    '/attack',
    {
      config: { access: 'rule:read' },
      schema: {
        tags,
        operationId: 'getAttackMatrix',
        summary: 'The ATT&CK matrix, with the rules of each technique and whether they can fire now',
        querystring: matrixQuery,
        response: { 200: attackMatrix },
      },
    },
    async (request) => matrix(request, request.query),
  )
  app.get(
    '/attack/export',
    {
      config: { access: 'rule:read' },
      schema: {
        tags,
        operationId: 'exportAttackMatrix',
        summary: 'The same as CSV, or as a layer of the ATT&CK Navigator',
        querystring: matrixQuery.extend({ format: z.enum(['csv', 'navigator']).default('csv') }),
      },
    },
    async (request, reply) => {
      const { format, ...query } = request.query
      const found = await matrix(request, query)
      const day = new Date(dependencies.clock.now()).toISOString().slice(0, 10)
      const name = `attack-coverage-${day}`
      if (format === 'csv') return sendDownload(reply, { name, format }, inOne(matrixRows(found)))
      reply.header('content-disposition', `attachment; filename="${name}.json"`)
      const words = {
        name: `Watchfire ${day}`,
        description: 'Coverage by rules that can fire with the sources present',
      }
      return reply.type('application/json; charset=utf-8').send(JSON.stringify(navigatorLayer(found, words), null, 1))
    },
  )
}

/** At most so many points, the last of each stretch. */
function thinned<Point>(points: readonly Point[]): Point[] {
  const step = Math.ceil(points.length / pointsMax)
  return points.filter((_, index) => (points.length - 1 - index) % Math.max(1, step) === 0)
}

async function* inOne(rows: object[]): AsyncGenerator<object[]> {
  yield rows
}
