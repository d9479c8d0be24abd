import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

const keysMax = 1_000

export interface DemoReceiver {
  /** `http://127.0.0.1:<port>`. */
  origin: string
  close(): Promise<void>
}

/**
 * The duty desk of the city: takes webhooks on a loopback port of its own. Busy at its first notice it answers 503,
 * so that one delivery is seen to fail and to succeed when it is made again.
 */
export async function openDemoReceiver(): Promise<DemoReceiver> {
  const seen = new Set<string>()
  const server: Server = createServer((request, response) => {
    request.resume().on('end', () => {
      const key = String(request.headers['idempotency-key'] ?? '')
      const isFirst = seen.size === 0
      if (seen.size >= keysMax) seen.clear()
      seen.add(key)
      response.writeHead(request.method !== 'POST' ? 405 : isFirst ? 503 : 204).end()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
