import type { FastifyRequest } from 'fastify'
import { CodedError } from '../event/errors.ts'
import type { App } from './app.ts'

/** Ant Design writes its styles at run time, hence inline styles; scripts come from our own files alone. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

/** Headers that keep browsers from doing more with our answers than they should (OWASP secure headers). */
export function securityHeaders(app: App): void {
  app.addHook('onSend', async (request, reply) => {
    reply.headers({
      'content-security-policy': contentSecurityPolicy,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
      'x-request-id': request.id,
    })
    if (request.protocol === 'https') reply.header('strict-transport-security', 'max-age=31536000')
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store')
  })
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/** True for methods that change nothing. */
export function isSafe(request: FastifyRequest): boolean {
  return safeMethods.has(request.method)
}

/**
 * A page of another site must not act with our cookies: what changes something comes from our own origin. Browsers
 * name the origin of every unsafe request; programs without the header carry no cookies either.
 */
export function requireSameOrigin(request: FastifyRequest): void {
  const { origin } = request.headers
  if (isSafe(request) || origin === undefined) return
  if (hostOf(origin) !== request.headers.host) {
    throw new CodedError('FORBIDDEN', `Requests of the origin ${origin.slice(0, 200)} are refused`, {
      reason: 'origin',
    })
  }
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
