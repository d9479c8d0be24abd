import { sql } from 'drizzle-orm'
import type { App, HttpCounters } from '../app.ts'
import type { Dependencies } from '../dependencies.ts'

const probeTimeoutMs = 2000

/** For supervisors and collectors of metrics: no sign-in, no secrets, no names. */
export function probeRoutes(app: App, dependencies: Dependencies): void {
  app.get('/healthz', { config: { access: 'public' } }, async () => ({
    status: 'alive',
    version: dependencies.version,
  }))

  app.get('/readyz', { config: { access: 'public' } }, async (_request, reply) => {
    const [state, events] = await Promise.all([
      answers(dependencies.database.execute(sql`SELECT 1`)),
      answers(dependencies.events.ping().then((result) => (result.success ? result : Promise.reject(result.error)))),
    ])
    const threads = dependencies.health.threads().every((thread) => thread.status === 'running')
    const isReady = state && events && threads
    return reply.status(isReady ? 200 : 503).send({ ready: isReady, parts: { state, events, threads } })
  })

  app.get('/metrics', { config: { access: 'public' } }, async (_request, reply) => {
    reply.type('text/plain; version=0.0.4; charset=utf-8')
    return (await dependencies.metrics()) + httpMetrics(app.httpCounters())
  })
}

/** True when the promise resolves within two seconds. */
async function answers(promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), probeTimeoutMs)
  })
  const isThere = await Promise.race([
    promise.then(
      () => true,
      () => false,
    ),
    timeout,
  ])
  clearTimeout(timer)
  return isThere
}

/** `liveClients` -> `watchfire_http_live_clients`, in the text format of Prometheus. */
function httpMetrics(counters: HttpCounters): string {
  const lines = Object.entries(counters).map(([name, value]) => {
    const metric = `watchfire_http_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`
    return `# TYPE ${metric} ${name === 'liveClients' ? 'gauge' : 'counter'}\n${metric} ${value}\n`
  })
  return lines.join('')
}
