import { createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { recogniseCanary } from '../../collect/canary.ts'
import { importFile } from '../../collect/file/import.ts'
import { decodeBody } from '../../collect/http/body.ts'
import { ingestLimits } from '../../collect/http/limits.ts'
import { ingestLines } from '../../collect/http/lines.ts'
import { CodedError } from '../../event/errors.ts'
import { encodeRawRecord, type RawRecord, sourceKey } from '../../event/raw-record.ts'
import type { Actor } from '../../state/actor.ts'
import { rootUnitPath } from '../../state/units/unit.ts'
import type { App } from '../app.ts'
import type { Dependencies } from '../dependencies.ts'
import type { InFlight } from '../in-flight.ts'
import type { PacketDesk } from '../packets/packet-desk.ts'
import { ingestResult } from '../schemas/platform.ts'

/** Largest file that can be uploaded; larger ones are imported by `watchfire import`. */
const uploadLimitBytes = 4 * 2 ** 30

/** A resend of the same key by the same sender to the same source is taken in once. */
const idempotencyHeaders = z.object({ 'idempotency-key': z.string().min(1).max(200).optional() })

/** POST /ingest/{source}: bodies are bytes, decoded here and cut into records by collect/http. */
export function ingestRoutes(app: App, dependencies: Dependencies, inFlight: InFlight): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer', bodyLimit: ingestLimits.bodyBytes },
    async (_: unknown, body: Buffer) => body,
  )
  app.addHook('preParsing', async (request, reply) => inFlight.reserve(request, reply, ingestLimits.bodyBytes))
  app.post(
    '/ingest/:source',
    {
      config: { access: 'ingest' },
      bodyLimit: ingestLimits.bodyBytes,
      schema: {
        tags: ['ingest'],
        operationId: 'ingest',
        summary: 'Send records, one a line; answered once they are durable',
        params: z.object({ source: z.string().min(1).max(128) }),
        headers: idempotencyHeaders,
        consumes: ['application/x-ndjson', 'text/plain', 'application/json'],
        response: { 200: ingestResult },
      },
    },
    async (request) => {
      const body = await decodeBody(bodyBytes(request), request.headers['content-encoding'])
      const source = sourceOf(request.actor, request.params.source)
      const records = ingestLines(body, request.headers['content-type'], {
        sender: request.actor.name,
        source,
        receivedAtMs: dependencies.clock.now(),
      })
      const key = request.headers['idempotency-key']
      await publishRecords(dependencies, records, key && `ingest:${request.actor.id}:${source}:${key}`)
      return { accepted: records.length, bytes: body.length }
    },
  )
}

/** POST /import: the upload goes to a file under the data directory first, then through the same door as `watchfire import`. */
export function importRoutes(app: App, dependencies: Dependencies, desk: PacketDesk): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.post(
    '/import',
    {
      config: { access: 'import:write' },
      bodyLimit: uploadLimitBytes,
      schema: {
        tags: ['ingest'],
        operationId: 'importFile',
        summary: 'Upload a log file (text, NDJSON, JSON, Zeek; gzip or not); answered once all of it is durable',
        querystring: z.object({
          name: z.string().min(1).max(255).describe('File name.'),
          source: z.string().min(1).max(128).optional().describe('Names the source; the file name when left out.'),
        }),
        consumes: ['application/octet-stream', 'text/plain', 'application/x-ndjson'],
        response: { 200: ingestResult },
      },
    },
    async (request) => {
      const folder = join(dependencies.config.dataDir, 'uploads')
      const path = join(folder, dependencies.clock.id())
      await mkdir(folder, { recursive: true, mode: 0o700 })
      try {
        const bytes = await receive(request.body as Readable | null, path)
        const source = sourceOf(request.actor, request.query.source ?? request.query.name)
        const key = sourceKey({ transport: 'file', sender: '', source })
        let accepted = 0
        await importFile(path, {
          source,
          clock: dependencies.clock,
          keepPackets: (fileHash) => desk.ring.writer(key, fileHash),
          inspectFile: desk.inspectFile,
          send: async (records, key) => {
            await publishRecords(dependencies, records, `import:${request.actor.unitPath}:${key}`)
            accepted += records.length
          },
        })
        return { accepted, bytes }
      } finally {
        await rm(path, { force: true })
      }
    },
  )
}

async function receive(upload: Readable | null | undefined, path: string): Promise<number> {
  if (!upload) throw new CodedError('BAD_REQUEST', 'The request has no body')
  let bytes = 0
  try {
    await pipeline(
      upload,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          bytes += chunk.length
          if (bytes > uploadLimitBytes) {
            throw new CodedError('TOO_LARGE', `The file exceeds ${uploadLimitBytes} bytes`, {
              limitBytes: uploadLimitBytes,
            })
          }
          yield chunk
        }
      },
      createWriteStream(path, { mode: 0o600 }),
    )
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'ENOSPC' || code === 'EROFS' || code === 'EDQUOT') {
      throw new CodedError(
        'BUS_UNWRITABLE',
        'The upload cannot be stored: the disk is full or read-only',
        {},
        { cause },
      )
    }
    throw cause
  }
  return bytes
}

/** Resolves once the records are durable on the bus. */
export async function publishRecords(
  dependencies: Dependencies,
  records: RawRecord[],
  idempotencyKey?: string,
): Promise<void> {
  if (records.length === 0) return
  const { bus, canaryKey } = dependencies
  const encoded = records.map((record) => encodeRawRecord(recogniseCanary(record, canaryKey)))
  await bus.publish('raw', encoded, { idempotencyKey })
}

/** The body as it came; a request without one is empty. */
export function bodyBytes(request: FastifyRequest): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
}

/**
 * The name a source goes by: with the unit of the sender behind it, unless that is the root, so that no unit's token can
 * send under the name of another unit's source.
 */
export function sourceOf({ unitPath }: Actor, name: string): string {
  const unit = unitPath.split('/').at(-2)
  return unitPath === rootUnitPath || unit === undefined || unit === '' ? name : `${name}@${unit}`
}
