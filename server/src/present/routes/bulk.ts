import type { FastifyReply, FastifyRequest } from 'fastify'
import { decodeBody } from '../../collect/http/body.ts'
import { bulkIdempotencyKey, bulkRecords, bulkResponse, readBulk } from '../../collect/http/bulk.ts'
import { ingestLimits } from '../../collect/http/limits.ts'
import type { App } from '../app.ts'
import type { Dependencies } from '../dependencies.ts'
import type { InFlight } from '../in-flight.ts'
import { bodyBytes, publishRecords, sourceOf } from './ingest.ts'

/** The release of Elasticsearch whose bulk API this is; shippers refuse servers much older than themselves. */
const elasticVersion = '8.19.0'

/**
 * The part of Elasticsearch's API that Filebeat, Logstash, Fluent Bit and Vector use to deliver: the bulk call, and the
 * questions they ask before it. Registered at the root and under /elastic. Templates and policies that they want to
 * set up are acknowledged and have no effect: our own catalogue decides how fields are stored.
 */
export function bulkRoutes(app: App, dependencies: Dependencies, inFlight: InFlight): void {
  const config = { access: 'ingest', forShippers: true } as const
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer', bodyLimit: ingestLimits.bodyBytes },
    async (_: unknown, body: Buffer) => body,
  )
  app.addHook('preParsing', async (request, reply) => inFlight.reserve(request, reply, ingestLimits.bodyBytes))
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-elastic-product', 'Elasticsearch')
  })

  const bulk = async (request: FastifyRequest) => {
    const startedAtMs = dependencies.clock.now()
    const body = await decodeBody(bodyBytes(request), request.headers['content-encoding'])
    const { index } = request.params as { index?: string }
    const bulkRequest = readBulk(body, index)
    const taken = bulkRecords(bulkRequest, { sender: request.actor.name, receivedAtMs: startedAtMs })
    const records = taken.map((record) => ({ ...record, source: sourceOf(request.actor, record.source) }))
    const key = bulkIdempotencyKey(bulkRequest)
    await publishRecords(dependencies, records, key && `${request.actor.id}:${key}`)
    return bulkResponse(bulkRequest, dependencies.clock.now() - startedAtMs, () => dependencies.clock.id())
  }
  for (const url of ['/_bulk', '/:index/_bulk']) {
    app.post(url, { config, bodyLimit: ingestLimits.bodyBytes }, bulk)
    app.put(url, { config, bodyLimit: ingestLimits.bodyBytes }, bulk)
  }

  const license = { license: { status: 'active', uid: 'watchfire', type: 'basic', issue_date_in_millis: 0 } }
  app.get('/_license', { config }, async () => license)
  app.get('/_xpack', { config }, async () => ({ ...license, features: { ilm: { available: true, enabled: true } } }))
  app.get('/_cluster/health', { config }, async () => ({
    cluster_name: 'watchfire',
    status: 'green',
    timed_out: false,
  }))
  app.get('/_nodes/http', { config }, async () => ({ nodes: {} }))
  for (const noun of [
    '_template',
    '_index_template',
    '_component_template',
    '_ilm/policy',
    '_ingest/pipeline',
    '_data_stream',
    '_alias',
  ]) {
    app.get(`/${noun}/:name`, { config }, async () => ({ acknowledged: true }))
    app.put(`/${noun}/:name`, { config }, async () => ({ acknowledged: true }))
  }
}

/** `GET /` of Elasticsearch: who is there, and of which version. */
export function elasticHandshake(app: App): void {
  app.get('/', { config: { access: 'ingest', forShippers: true } }, async (_request, reply) => answerHandshake(reply))
}

export function answerHandshake(reply: FastifyReply) {
  return reply.header('x-elastic-product', 'Elasticsearch').send({
    name: 'watchfire',
    cluster_name: 'watchfire',
    cluster_uuid: 'watchfire',
    version: {
      number: elasticVersion,
      build_flavor: 'default',
      build_type: 'docker',
      lucene_version: '9.12.0',
      minimum_wire_compatibility_version: '7.17.0',
      minimum_index_compatibility_version: '7.0.0',
    },
    tagline: 'You Know, for Search',
  })
}
