import { z } from 'zod'
import { detectionsOfEvent } from '../../state/events/detections-of.ts'
import { listFields } from '../../state/events/fields.ts'
import { getEvent } from '../../state/events/get.ts'
import type { App } from '../app.ts'
import { contextOf, eventsContextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { readable } from '../readable.ts'
import { listOf, textIdParams } from '../schemas/common.ts'
import { eventDetail, fieldInfo } from '../schemas/events.ts'

export function eventRoutes(app: App, dependencies: Dependencies): void {
  app.get(
    '/events/:id',
    {
      config: { access: 'event:read' },
      schema: {
        tags: ['events'],
        operationId: 'getEvent',
        summary: 'The whole event, its bytes as they came, and what fired on it',
        params: textIdParams,
        querystring: z.object({
          at: z.iso.datetime({ offset: true }).optional().describe('Event time, if known: faster.'),
        }),
        response: { 200: eventDetail },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const atMs = request.query.at === undefined ? undefined : Date.parse(request.query.at)
      const whole = await getEvent(eventsContextOf(request, reply, dependencies), { id, atMs })
      const detections = request.actor.permissions.has('detection:read')
        ? await detectionsOfEvent(contextOf(request, dependencies), { id, atMs: Date.parse(whole.event['@timestamp']) })
        : []
      const parser = whole.event['event.dataset']
      return {
        ...whole,
        raw: readable(whole.raw),
        explanation: { parser: typeof parser === 'string' && parser !== 'unparsed' ? parser : null, detections },
      }
    },
  )
  app.get(
    '/fields',
    {
      config: { access: 'signed-in' },
      schema: {
        tags: ['events'],
        operationId: 'listFields',
        summary: 'The field catalogue',
        querystring: z.object({ text: z.string().max(200).optional() }),
        response: { 200: listOf(fieldInfo) },
      },
    },
    async (request) => {
      const wanted = request.query.text?.toLowerCase() ?? ''
      const items = listFields().filter(({ name, description }) =>
        `${name} ${description.zh} ${description.en}`.toLowerCase().includes(wanted),
      )
      return { items, total: items.length, next: null }
    },
  )
}
