import { z } from 'zod'
import { story } from '../../correlate/story.ts'
import { CodedError } from '../../event/errors.ts'
import type { Bilingual, IncidentFacts, VisibleStatus } from '../../event/incident.ts'
import { createUtcOffset, requireUtcOffset } from '../../lib/utc-offset.ts'
import { renderNotice } from '../../respond/actions/email/render.ts'
import { webhookBody } from '../../respond/actions/webhook/send.ts'
import { getEvents } from '../../state/events/get.ts'
import { bulkIncidents, type bulkIncidentsInput } from '../../state/incidents/bulk.ts'
import { closeIncident } from '../../state/incidents/close.ts'
import { commentIncident } from '../../state/incidents/comment.ts'
import { exportIncidents } from '../../state/incidents/export.ts'
import { getIncident } from '../../state/incidents/get.ts'
import { graphIncident } from '../../state/incidents/graph.ts'
import type { Incident } from '../../state/incidents/incident.ts'
import { listIncidents } from '../../state/incidents/list.ts'
import { listComments } from '../../state/incidents/list-comments.ts'
import { listEvidence } from '../../state/incidents/list-evidence.ts'
import { listRelated, type RelatedIncident } from '../../state/incidents/list-related.ts'
import { listTimeline } from '../../state/incidents/list-timeline.ts'
import { reopenIncident } from '../../state/incidents/reopen.ts'
import { previewIncident, sendIncident } from '../../state/incidents/send.ts'
import { undoIncidents } from '../../state/incidents/undo.ts'
import { updateIncident } from '../../state/incidents/update.ts'
import type { App } from '../app.ts'
import { attackLookup } from '../attack-matrix.ts'
import { contextOf, eventsContextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { sendDownload } from '../download.ts'
import { listOf, numericIdParams, pageQuery, time } from '../schemas/common.ts'
import { eventDocument } from '../schemas/events.ts'
import { paged } from '../schemas/paged.ts'
import {
  bulkInput,
  bulkResult,
  closeInput,
  comment,
  graph,
  incident,
  incidentChange,
  incidentDetail,
  incidentQuery,
  noticeInput,
  noticePreview,
  relatedIncident,
  timelineEntry,
} from '../schemas/work.ts'

type BulkChange = z.input<typeof bulkIncidentsInput>['change']

/** Columns of a CSV file; NDJSON holds everything. */
const incidentColumns = [
  'id',
  'title',
  'severity',
  'status',
  'closeReason',
  'score',
  'unitPath',
  'assigneeName',
  'detectionCount',
  'matchCount',
  'techniques',
  'ruleIds',
  'ruleAuthors',
  'firstSeenAt',
  'lastSeenAt',
  'openedAt',
  'closedAt',
]

/** The list's query as the verb takes it: `-score` is the order `score` from the highest. */
function incidentListOf({ sort, from, to, openedFrom, closedFrom, ...query }: z.output<typeof incidentQuery>) {
  const direction = sort.startsWith('-') ? ('desc' as const) : ('asc' as const)
  const order = sort.replace('-', '') as 'lastSeenAt' | 'score' | 'openedAt' | 'severity'
  const times = { from: time(from), to: time(to), openedFrom: time(openedFrom), closedFrom: time(closedFrom) }
  return { ...paged(query), ...times, sort: order, direction }
}

/** Verbs show no candidates and no merged ones; their type does not say so. */
function shown<Item extends Incident>(item: Item): Item & { status: VisibleStatus } {
  return item as Item & { status: VisibleStatus }
}

function shownStatus(item: RelatedIncident): RelatedIncident & { status: VisibleStatus } {
  return item as RelatedIncident & { status: VisibleStatus }
}

/** The story with its times in the reader's zone. Throws BAD_REQUEST for a zone nobody knows. */
function storyIn(timeZone: string, facts: IncidentFacts): Bilingual {
  const utcOffset = createUtcOffset(timeZone)
  if (!utcOffset) throw new CodedError('BAD_REQUEST', `${timeZone} is no time zone`, { timeZone })
  return story(facts, attackLookup(), utcOffset)
}

const tags = ['incidents']
const read = { access: 'incident:read' } as const
const change = { access: 'incident:write' } as const

export function incidentRoutes(app: App, dependencies: Dependencies): void {
  listRoutes(app, dependencies)
  changeRoutes(app, dependencies)
  sendRoutes(app, dependencies)
  readRoutes(app, dependencies)
}

function listRoutes(app: App, dependencies: Dependencies): void {
  app.get(
    '/incidents',
    {
      config: read,
      schema: {
        tags,
        operationId: 'listIncidents',
        summary: 'Incidents of my units',
        querystring: incidentQuery,
        response: { 200: listOf(incident) },
      },
    },
    async (request) => {
      const page = await listIncidents(contextOf(request, dependencies), incidentListOf(request.query))
      return { ...page, items: page.items.map(shown) }
    },
  )
  app.get(
    '/incidents/export',
    {
      config: { access: 'event:export' },
      schema: {
        tags,
        operationId: 'exportIncidents',
        summary: 'The listed incidents as NDJSON or CSV',
        querystring: incidentQuery
          .omit({ limit: true, after: true })
          .extend({ format: z.enum(['ndjson', 'csv']).default('ndjson') }),
        produces: ['application/x-ndjson', 'text/csv'],
      },
    },
    async (request, reply) => {
      const { format, sort: _sort, ...filter } = request.query
      const batches = exportIncidents(contextOf(request, dependencies), {
        ...filter,
        from: time(filter.from),
        to: time(filter.to),
        openedFrom: time(filter.openedFrom),
        closedFrom: time(filter.closedFrom),
      })
      return sendDownload(reply, { name: 'incidents', format, columns: incidentColumns }, batches)
    },
  )
  app.post(
    '/incidents/bulk',
    {
      config: change,
      schema: {
        tags,
        operationId: 'changeIncidents',
        summary: 'Change many incidents at once',
        body: bulkInput,
        response: { 200: bulkResult },
      },
    },
    async (request) => {
      const { ids, comment, versions, ...change } = request.body
      const input = { ids, comment, versions, change: change as BulkChange }
      const { undoToken, ...result } = await bulkIncidents(contextOf(request, dependencies), input)
      return { ...result, undoId: undoToken }
    },
  )
  app.post(
    '/incidents/bulk/undo',
    {
      config: change,
      schema: {
        tags,
        operationId: 'undoIncidentChanges',
        summary: 'Take a bulk change back',
        body: z.object({ undoId: z.string().min(1).max(64) }),
        response: { 200: bulkResult },
      },
    },
    async (request) => {
      const result = await undoIncidents(contextOf(request, dependencies), { token: request.body.undoId })
      return { ...result, undoId: null }
    },
  )
}

function changeRoutes(app: App, dependencies: Dependencies): void {
  app.patch(
    '/incidents/:id',
    {
      config: { ...change, conditional: true },
      schema: {
        tags,
        operationId: 'changeIncident',
        summary: 'Assign, change the status or the severity',
        params: numericIdParams,
        body: incidentChange,
        response: { 200: incidentDetail },
      },
    },
    async (request) => {
      const context = contextOf(request, dependencies)
      await updateIncident(context, { ...request.params, ...request.body })
      return shown(await getIncident(context, request.params))
    },
  )
  app.post(
    '/incidents/:id/close',
    {
      config: { ...change, conditional: true },
      schema: {
        tags,
        operationId: 'closeIncident',
        summary: 'Close with a reason',
        params: numericIdParams,
        body: closeInput,
        response: { 200: incidentDetail },
      },
    },
    async (request) => {
      const context = contextOf(request, dependencies)
      await closeIncident(context, { ...request.params, ...request.body })
      return shown(await getIncident(context, request.params))
    },
  )
  app.post(
    '/incidents/:id/reopen',
    {
      config: { ...change, conditional: true },
      schema: {
        tags,
        operationId: 'reopenIncident',
        summary: 'Open a closed incident again',
        params: numericIdParams,
        body: z.object({ comment: z.string().trim().max(4000).optional() }),
        response: { 200: incidentDetail },
      },
    },
    async (request) => {
      const context = contextOf(request, dependencies)
      await reopenIncident(context, { ...request.params, note: request.body.comment })
      return shown(await getIncident(context, request.params))
    },
  )
  app.post(
    '/incidents/:id/comments',
    {
      config: change,
      schema: {
        tags,
        operationId: 'addComment',
        summary: 'Add a comment',
        params: numericIdParams,
        body: z.object({ text: z.string().trim().min(1).max(4000) }),
        response: { 201: comment },
      },
    },
    async (request, reply) =>
      reply
        .status(201)
        .send(await commentIncident(contextOf(request, dependencies), { ...request.params, ...request.body })),
  )
}

function sendRoutes(app: App, dependencies: Dependencies): void {
  app.get(
    '/incidents/:id/notice',
    {
      config: change,
      schema: {
        tags,
        operationId: 'previewIncidentNotice',
        summary: 'What sending the incident to a channel would send; nothing is sent',
        params: numericIdParams,
        querystring: noticeInput.extend({ channelId: z.coerce.number().int().min(1) }),
        response: { 200: noticePreview },
      },
    },
    async (request) => {
      const input = { ...request.params, ...request.query }
      const { notice, channel } = await previewIncident(contextOf(request, dependencies), input)
      const { language, name, kind } = channel
      if (kind === 'webhook') {
        const body = JSON.parse(webhookBody({ idempotencyKey: 'preview', notice, language }))
        return { kind, subject: null, text: JSON.stringify(body, null, 2) }
      }
      const { subject, text } = renderNotice(notice, language, name, requireUtcOffset(dependencies.config.timeZone))
      return { kind, subject, text }
    },
  )
  app.post(
    '/incidents/:id/notice',
    {
      config: change,
      schema: {
        tags,
        operationId: 'sendIncidentNotice',
        summary: 'Send the incident to a channel now; look at the delivery for how it went',
        params: numericIdParams,
        body: noticeInput,
        response: { 200: z.object({ deliveryId: z.number().int() }) },
      },
    },
    async (request) => {
      const input = { ...request.params, ...request.body }
      return { deliveryId: await sendIncident(contextOf(request, dependencies), input) }
    },
  )
}

function readRoutes(app: App, dependencies: Dependencies): void {
  app.get(
    '/incidents/:id',
    {
      config: read,
      schema: {
        tags,
        operationId: 'getIncident',
        summary: 'One incident',
        params: numericIdParams,
        querystring: z.object({
          timeZone: z.string().max(64).optional().describe('IANA name; the story tells its times there.'),
        }),
        response: { 200: incidentDetail },
      },
    },
    async (request) => {
      const found = shown(await getIncident(contextOf(request, dependencies), request.params))
      const { timeZone } = request.query
      return timeZone === undefined ? found : { ...found, story: storyIn(timeZone, found.facts) }
    },
  )
  app.get(
    '/incidents/:id/related',
    {
      config: read,
      schema: {
        tags,
        operationId: 'listRelatedIncidents',
        summary: 'Incidents of all my units that share who acted or what was acted upon, most shared first',
        params: numericIdParams,
        response: { 200: listOf(relatedIncident) },
      },
    },
    async (request) => {
      const { items, total } = await listRelated(contextOf(request, dependencies), request.params)
      return { items: items.map(shownStatus), total, next: null }
    },
  )
  app.get(
    '/incidents/:id/timeline',
    {
      config: read,
      schema: {
        tags,
        operationId: 'getIncidentTimeline',
        summary: 'Detections, comments, changes and deliveries in time order',
        params: numericIdParams,
        querystring: pageQuery,
        response: { 200: listOf(timelineEntry) },
      },
    },
    async (request) => listTimeline(contextOf(request, dependencies), { ...paged(request.query), ...request.params }),
  )
  app.get(
    '/incidents/:id/comments',
    {
      config: read,
      schema: {
        tags,
        operationId: 'listComments',
        summary: 'Comments, oldest first',
        params: numericIdParams,
        querystring: pageQuery,
        response: { 200: listOf(comment) },
      },
    },
    async (request) => listComments(contextOf(request, dependencies), { ...paged(request.query), ...request.params }),
  )
  app.get(
    '/incidents/:id/events',
    {
      config: { access: 'event:read' },
      schema: {
        tags,
        operationId: 'listIncidentEvents',
        summary: 'The evidence: events of its detections, oldest first',
        params: numericIdParams,
        querystring: pageQuery,
        response: { 200: listOf(eventDocument) },
      },
    },
    async (request, reply) => {
      const evidence = await listEvidence(contextOf(request, dependencies), {
        ...paged(request.query),
        ...request.params,
      })
      const times = evidence.items.map(({ at }) => at.getTime())
      const range = { fromMs: Math.min(...times), toMs: Math.max(...times) + 1 }
      const ids = evidence.items.map(({ eventId }) => eventId)
      const found = await getEvents(eventsContextOf(request, reply, dependencies), ids, range)
      return { ...evidence, items: found.map(({ event }) => event) }
    },
  )
  app.get(
    '/incidents/:id/graph',
    {
      config: read,
      schema: {
        tags,
        operationId: 'getIncidentGraph',
        summary: 'Entities and what ties them',
        params: numericIdParams,
        response: { 200: graph },
      },
    },
    async (request) => graphIncident(contextOf(request, dependencies), request.params),
  )
}
