import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { sourceKey } from '../../event/raw-record.ts'
import type { Actor } from '../../state/actor.ts'
import { listSensors } from '../../state/sensors/list.ts'
import { reportSensor } from '../../state/sensors/report.ts'
import type { App } from '../app.ts'
import { contextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { answerLimitBytes, type PacketDesk } from '../packets/packet-desk.ts'
import { listOf, pageQuery } from '../schemas/common.ts'
import { paged } from '../schemas/paged.ts'
import { packetQuestion, sensor, sensorReport } from '../schemas/traffic.ts'
import { bodyBytes, sourceOf } from './ingest.ts'

const tags = ['sensors']
const params = z.object({ source: z.string().min(1).max(128) })

export function sensorRoutes(app: App, dependencies: Dependencies, desk: PacketDesk): void {
  app.get(
    '/sensors',
    {
      config: { access: 'source:read' },
      schema: {
        tags,
        operationId: 'listSensors',
        summary: 'Sensors of my units: rate, losses, version, and the packets they keep',
        querystring: pageQuery,
        response: { 200: listOf(sensor) },
      },
    },
    async (request) => listSensors(contextOf(request, dependencies), paged(request.query)),
  )
  app.post(
    '/sensors/:source/report',
    {
      config: { access: 'ingest' },
      schema: {
        tags,
        operationId: 'reportSensor',
        summary: 'A sensor says how it is; answered when something is wanted of it, after 20 seconds at the latest',
        params,
        body: sensorReport,
        response: { 200: z.object({ questions: z.array(packetQuestion) }) },
      },
    },
    async (request, reply) => {
      const key = keyOf(request.actor, request.params.source)
      const isKnown = await reportSensor(contextOf(request, dependencies), {
        sourceKey: key,
        name: request.params.source,
        report: request.body,
      })
      if (!isKnown) throw new CodedError('CONFLICT', 'A sensor of another unit has this name', {})
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      return { questions: await desk.sensors.poll(key, gone.signal) }
    },
  )
}

/** POST /sensors/{source}/packets/{id}: a sensor answers what it was asked; nothing else is taken in. */
export function sensorAnswerRoutes(app: App, _dependencies: Dependencies, desk: PacketDesk): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer', bodyLimit: answerLimitBytes },
    async (_: unknown, body: Buffer) => body,
  )
  app.post(
    '/sensors/:source/packets/:id',
    {
      config: { access: 'ingest' },
      bodyLimit: answerLimitBytes,
      schema: {
        tags,
        operationId: 'answerPackets',
        summary: 'The packets a sensor was asked for',
        params: params.extend({ id: z.string().min(1).max(64) }),
        querystring: z.object({ packets: z.coerce.number().int().min(0), isCut: z.enum(['true', 'false']) }),
        consumes: ['application/vnd.tcpdump.pcap'],
        response: { 200: z.object({}) },
      },
      // Before the body is read: nobody fills the memory with what was not asked for.
      preParsing: async (request) => {
        const { source, id } = request.params as { source: string; id: string }
        if (!desk.sensors.expects(keyOf(request.actor, source), id))
          throw new CodedError('NOT_FOUND', `question:${id} was not found`, { target: `question:${id}` })
      },
    },
    async (request) => {
      const { packets, isCut } = request.query
      desk.sensors.answer(keyOf(request.actor, request.params.source), request.params.id, {
        ...{ pcap: bodyBytes(request), packets, isCut: isCut === 'true' },
      })
      return {}
    },
  )
}

function keyOf(actor: Actor, source: string): string {
  return sourceKey({ transport: 'http', sender: '', source: sourceOf(actor, source) })
}
