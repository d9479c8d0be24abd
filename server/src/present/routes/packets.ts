import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { sourceKey } from '../../event/raw-record.ts'
import { getDetection } from '../../state/detections/get.ts'
import { getEvent, getEvents, type WholeEvent } from '../../state/events/get.ts'
import { getIncident } from '../../state/incidents/get.ts'
import { listEvidence } from '../../state/incidents/list-evidence.ts'
import { auditPacketRead } from '../../state/packets/audit-read.ts'
import { CaptureParser } from '../../traffic/capture/capture.ts'
import { Packet } from '../../traffic/packet/packet.ts'
import type { App } from '../app.ts'
import { contextOf, eventsContextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import type { PacketDesk } from '../packets/packet-desk.ts'
import { numericIdParams, textIdParams } from '../schemas/common.ts'
import { sourceOf } from './ingest.ts'

/** Events of an incident whose conversations are looked for. */
const evidenceMax = 200
const pcapType = 'application/vnd.tcpdump.pcap'
const uploadLimitBytes = 4 * 2 ** 30

const tags = ['packets']
const response = { 200: z.any().meta({ description: 'A pcap file.' }) }

/** "Get the packets" of an event, a detection or an incident: a pcap of just those conversations, audited. */
export function packetRoutes(app: App, dependencies: Dependencies, desk: PacketDesk): void {
  const config = { access: 'packet:read' } as const
  const send = async (
    request: FastifyRequest,
    reply: FastifyReply,
    { target, unitPath, events }: { target: string; unitPath: string; events: readonly WholeEvent[] },
  ) => {
    const context = contextOf(request, dependencies)
    const { pcap, packets, isCut, conversations } = await desk.packetsOf(context, events)
    const detail = { conversations: conversations.slice(0, 50), packets, bytes: pcap.length }
    await auditPacketRead(context, { target, unitPath, detail })
    reply.header('content-disposition', `attachment; filename="${target.replace(/[^\w-]+/g, '-').slice(0, 80)}.pcap"`)
    reply.header('x-watchfire-packets', String(packets))
    if (isCut) reply.header('x-watchfire-cut', 'true')
    return reply.type(pcapType).send(pcap)
  }
  app.get(
    '/events/:id/packets',
    {
      config,
      schema: {
        tags,
        operationId: 'getEventPackets',
        summary: 'The packets of the conversation the event tells of, as a pcap file',
        params: textIdParams,
        querystring: z.object({
          at: z.iso.datetime({ offset: true }).optional().describe('Event time, if known: faster.'),
        }),
        response,
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const atMs = request.query.at === undefined ? undefined : Date.parse(request.query.at)
      const event = await getEvent(eventsContextOf(request, reply, dependencies), { id, atMs })
      return send(request, reply, { target: `event:${id}`, unitPath: event.unitPath, events: [event] })
    },
  )
  app.get(
    '/detections/:id/packets',
    {
      config,
      schema: {
        tags,
        operationId: 'getDetectionPackets',
        summary: 'The packets of the conversations the detection fired on, as a pcap file',
        params: textIdParams,
        response,
      },
    },
    async (request, reply) => {
      const detection = await getDetection(contextOf(request, dependencies), request.params)
      const events = await getEvents(eventsContextOf(request, reply, dependencies), detection.eventIds)
      return send(request, reply, { target: `detection:${detection.id}`, unitPath: detection.unitPath, events })
    },
  )
  app.get(
    '/incidents/:id/packets',
    {
      config,
      schema: {
        tags,
        operationId: 'getIncidentPackets',
        summary: 'The packets of the conversations behind the incident, as a pcap file',
        params: numericIdParams,
        response,
      },
    },
    async (request, reply) => {
      const context = contextOf(request, dependencies)
      const { id, unitPath } = await getIncident(context, request.params)
      const evidence = await listEvidence(context, { id, limit: evidenceMax })
      const ids = evidence.items.map(({ eventId }) => eventId)
      const events = await getEvents(eventsContextOf(request, reply, dependencies), ids)
      return send(request, reply, { target: `incident:${id}`, unitPath, events })
    },
  )
}

/** POST /packets/{source}: the packets of a capture whose records came from elsewhere, as `watchfire import` sends them. */
export function packetUploadRoutes(app: App, _dependencies: Dependencies, desk: PacketDesk): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.post(
    '/packets/:source',
    {
      config: { access: 'ingest' },
      bodyLimit: uploadLimitBytes,
      schema: {
        tags,
        operationId: 'keepPackets',
        summary: 'Keep the packets of a capture (pcap, pcapng), so that they can be got by conversation',
        params: z.object({ source: z.string().min(1).max(128) }),
        headers: z.object({ 'idempotency-key': z.string().min(1).max(200) }),
        consumes: [pcapType, 'application/octet-stream'],
        response: { 200: z.object({ packets: z.number().int(), alreadyKept: z.boolean() }) },
      },
    },
    async (request) => {
      const key = sourceKey({ transport: 'http', sender: '', source: sourceOf(request.actor, request.params.source) })
      const body = request.body as AsyncIterable<Buffer> | null | undefined
      if (!body) throw new CodedError('BAD_REQUEST', 'The request has no body')
      const writer = desk.ring.writer(key, request.headers['idempotency-key'])
      const parser = new CaptureParser(new Packet(), (packet) => writer?.packet(packet))
      try {
        for await (const bytes of body) parser.push(bytes)
        parser.end()
        if (parser.state === 'not-a-capture')
          throw new CodedError('IMPORT_UNSUPPORTED', 'The body is no pcap or pcapng capture')
        writer?.end()
      } finally {
        writer?.abandon()
      }
      return { packets: parser.counters.packets, alreadyKept: writer === undefined }
    },
  )
}
