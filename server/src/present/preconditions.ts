import type { FastifyRequest } from 'fastify'
import { CodedError } from '../event/errors.ts'
import type { App } from './app.ts'

const entityTag = /^(?:W\/)?"([^"]{0,64})"$/
const tagsMax = 20

/**
 * Preconditions (RFC 9110 section 13) for what several people change. What carries a `version` is answered with it as
 * its ETag; a route that says `conditional` takes it back as If-Match. Any other route refuses the header rather than
 * let the sender believe it was heeded.
 */
export function preconditions(app: App): void {
  app.addHook('onRequest', async (request) => {
    const { conditional } = request.routeOptions.config
    if (request.headers['if-match'] === undefined || conditional || request.method === 'GET') return
    throw new CodedError('BAD_REQUEST', 'This call knows no If-Match; leave the header out', { header: 'if-match' })
  })
  app.addHook('preSerialization', async (_request, reply, payload) => {
    const version = (payload as { version?: unknown } | null)?.version
    if (typeof version === 'number') reply.header('etag', `"${version}"`)
    return payload
  })
}

/**
 * The versions that If-Match names; undefined when it is not there or `*`. Tags that are not ours match nothing, and
 * nor do weak ones. Throws BAD_REQUEST for what is no list of entity tags.
 */
export function expectedVersionsOf(request: FastifyRequest): number[] | undefined {
  const header = request.headers['if-match']
  if (header === undefined || header.trim() === '*') return undefined
  const tags = header.split(',', tagsMax + 1).map((tag) => entityTag.exec(tag.trim()))
  if (tags.length > tagsMax || tags.includes(null)) {
    throw new CodedError('BAD_REQUEST', 'If-Match is no list of entity tags: send the ETag as it came, in quotes', {
      header: 'if-match',
    })
  }
  return tags.flatMap((tag) => (tag && !tag[0].startsWith('W/') && /^\d{1,15}$/.test(tag[1]!) ? [Number(tag[1])] : []))
}
