import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { handleMockRequest } from './server.ts'

/** `fetch` answered by the mock in the same process, for component tests. */
export async function mockFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = input instanceof Request ? input : new Request(new URL(String(input), 'http://localhost'), init)
  const text = request.method === 'GET' ? '' : await request.text()
  const incoming = Object.assign(Readable.from(text ? [Buffer.from(text)] : []), { method: request.method, url: request.url }) as unknown as IncomingMessage
  return new Promise((resolve) => {
    let status = 200
    const outgoing = {
      writeHead: (code: number) => {
        status = code
      },
      write: () => true,
      end: (body?: string) => resolve(new Response(status === 204 ? null : (body ?? ''), { status, headers: { 'content-type': 'application/json' } })),
    } as unknown as ServerResponse
    void handleMockRequest(incoming, outgoing)
  })
}
