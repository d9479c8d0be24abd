import { existsSync } from 'node:fs'
import fastifyStatic from '@fastify/static'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CodedError } from '../event/errors.ts'
import type { App } from './app.ts'

/** Files whose names hold a hash of their content never change. */
const yearSeconds = 31_536_000

/**
 * Serves the built web client from `folder`. A path that is no file and no API is the client's own (its router reads
 * it), so the first page is given out for it; what looks like a file and is none is NOT_FOUND.
 */
export function serveWebClient(app: App, folder: string | undefined): void {
  const isBuilt = folder !== undefined && existsSync(folder)
  if (isBuilt) {
    app.register(fastifyStatic, {
      root: folder,
      wildcard: true,
      index: false,
      dotfiles: 'deny',
      cacheControl: false,
      preCompressed: true,
      setHeaders: (reply, path) => {
        const isHashed = path.includes('/assets/')
        reply.header('cache-control', isHashed ? `public, max-age=${yearSeconds}, immutable` : 'no-cache')
      },
    })
  }
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? ''
    const wantsPage = request.method === 'GET' && !path.startsWith('/api/') && !/\.[a-z0-9]{1,8}$/i.test(path)
    if (!wantsPage || !isBuilt) {
      throw new CodedError('NOT_FOUND', `There is no ${request.method} ${path.slice(0, 200)}`, {
        path: path.slice(0, 200),
      })
    }
    return sendFirstPage(request, reply)
  })
}

/** The client's first page, asked for by name so that a new build is seen at once. */
export function sendFirstPage(_request: FastifyRequest, reply: FastifyReply) {
  return reply.header('cache-control', 'no-cache').sendFile('index.html', { cacheControl: false })
}
