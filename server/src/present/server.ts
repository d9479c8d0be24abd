import type { Socket } from 'node:net'
import cookie from '@fastify/cookie'
import fastify, { LogController } from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { systemActor } from '../state/actor.ts'
import { rootUnitPath } from '../state/units/unit.ts'
import { requirePermission } from '../state/write.ts'
import type { App } from './app.ts'
import { Authenticator, guard } from './authenticate.ts'
import type { Dependencies } from './dependencies.ts'
import { answerClientError, answerError } from './errors.ts'
import { InFlight } from './in-flight.ts'
import { LiveHub } from './live-hub.ts'
import { registerOpenApi } from './openapi.ts'
import { PacketDesk } from './packets/packet-desk.ts'
import { preconditions } from './preconditions.ts'
import { ReadinessJudge, summaryOf } from './readiness.ts'
import { assetRoutes } from './routes/assets.ts'
import { auditRoutes } from './routes/audit.ts'
import { authRoutes } from './routes/auth.ts'
import { answerHandshake, bulkRoutes, elasticHandshake } from './routes/bulk.ts'
import { canaryRoutes } from './routes/canaries.ts'
import { detectionRoutes } from './routes/detections.ts'
import { eventRoutes } from './routes/events.ts'
import { exceptionRoutes } from './routes/exceptions.ts'
import { hostRoutes } from './routes/hosts.ts'
import { incidentRoutes } from './routes/incidents.ts'
import { indicatorRoutes } from './routes/indicators.ts'
import { importRoutes, ingestRoutes } from './routes/ingest.ts'
import { liveRoutes } from './routes/live.ts'
import { notificationRoutes } from './routes/notifications.ts'
import { overviewRoutes } from './routes/overview.ts'
import { packetRoutes, packetUploadRoutes } from './routes/packets.ts'
import { probeRoutes } from './routes/probes.ts'
import { readinessRoutes } from './routes/readiness.ts'
import { ruleCollectionRoutes } from './routes/rule-collections.ts'
import { ruleJobRoutes } from './routes/rule-jobs.ts'
import { ruleWorkbenchRoutes } from './routes/rule-workbench.ts'
import { ruleRoutes } from './routes/rules.ts'
import { runRoutes } from './routes/runs.ts'
import { savedSearchRoutes } from './routes/saved-searches.ts'
import { searchRoutes } from './routes/search.ts'
import { sensorAnswerRoutes, sensorRoutes } from './routes/sensors.ts'
import { settingRoutes } from './routes/settings.ts'
import { sourceRoutes } from './routes/sources.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { trafficRoutes } from './routes/traffic.ts'
import { unitRoutes } from './routes/units.ts'
import { userRoutes } from './routes/users.ts'
import { createRuleBook, type OpenRuleBook } from './rule-book.ts'
import { RuleStatuses } from './rule-status.ts'
import { isSafe, securityHeaders } from './security.ts'
import { sendFirstPage, serveWebClient } from './web-client.ts'
import { RuleJobs } from './workbench/jobs.ts'

/** Bounds of one request; ingest and import have their own for bodies. */
const requestLimits = {
  bodyBytes: 1 << 20,
  receiveMs: 120_000,
  headersMs: 15_000,
  idleMs: 65_000,
  headerBytes: 16 << 10,
} as const

/**
 * The HTTP face of the platform: REST and live stream under /api/v1, ingest as shippers speak it, probes, the web
 * client. `listen` is the caller's.
 */
export function createServer(dependencies: Dependencies): App {
  const { clock, database, version } = dependencies
  const app: App = fastify({
    loggerInstance: dependencies.logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: requestLimits.bodyBytes,
    requestTimeout: requestLimits.receiveMs,
    keepAliveTimeout: requestLimits.idleMs,
    forceCloseConnections: true,
    http: { maxHeaderSize: requestLimits.headerBytes, headersTimeout: requestLimits.headersMs },
    routerOptions: { maxParamLength: 512 },
    genReqId: () => clock.id(),
    // A path that cannot be decoded never reaches a route; it is answered like every other mistake.
    frameworkErrors: answerError,
    clientErrorHandler: (error, socket) => answerClientError(error, socket as Socket, clock.id()),
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler(answerError)
  app.removeContentTypeParser('text/plain')
  app.decorateRequest('session', null)
  app.decorateRequest('actor', null as never)
  app.register(cookie)
  securityHeaders(app)
  registerOpenApi(app, version)

  const authenticator = new Authenticator(database, clock)
  const hub = new LiveHub(dependencies.changes, clock)
  const inFlight = new InFlight()
  app.decorate('httpCounters', () => ({
    liveClients: hub.clients,
    liveMessagesSent: hub.counters.sent,
    liveClientsDropped: hub.counters.dropped,
    liveClientsRefused: hub.counters.refused,
    uploadsRefused: inFlight.refused,
  }))
  app.addHook('preClose', async () => hub.close())
  const openBook = createRuleBook(dependencies.config, database)
  const judge = new ReadinessJudge(openBook, dependencies)
  app.decorate('measureReadiness', async () => {
    const context = { database, clock, actor: { ...systemActor('readiness'), unitPath: rootUnitPath } }
    return summaryOf([...(await openBook()).rules.values()], await judge.judge(context))
  })
  const scope = (prefix: string, register: (routes: App) => void) =>
    app.register(
      async (instance) => {
        guard(instance as App, authenticator)
        preconditions(instance as App)
        register(instance as App)
      },
      { prefix },
    )
  scope('/api/v1', (routes) => {
    // Who may do what has changed once these have answered: nothing older may be remembered.
    routes.addHook('onSend', async (request) => {
      if (!isSafe(request)) authenticator.forget()
    })
    authRoutes(routes, dependencies)
    userRoutes(routes, dependencies)
    unitRoutes(routes, dependencies)
    tokenRoutes(routes, dependencies)
  })
  scope('/api/v1', (routes) => workRoutes(routes, dependencies, openBook, judge))
  scope('/api/v1', (routes) => liveRoutes(routes, hub, authenticator))
  scope('/api/v1', (routes) => ingestRoutes(routes, dependencies, inFlight))
  const desk = new PacketDesk(dependencies)
  app.addHook('onListen', async () => void desk.keepInBounds())
  app.addHook('onClose', async () => desk.close())
  app.addHook('preClose', async () => desk.sensors.close())
  scope('/api/v1', (routes) => importRoutes(routes, dependencies, desk))
  scope('/api/v1', (routes) => {
    packetRoutes(routes, dependencies, desk)
    sensorRoutes(routes, dependencies, desk)
    hostRoutes(routes, dependencies)
    trafficRoutes(routes, dependencies)
  })
  scope('/api/v1', (routes) => packetUploadRoutes(routes, dependencies, desk))
  scope('/api/v1', (routes) => sensorAnswerRoutes(routes, dependencies, desk))
  scope('', (routes) => bulkRoutes(routes, dependencies, inFlight))
  scope('/elastic', (routes) => bulkRoutes(routes, dependencies, inFlight))
  scope('/elastic', elasticHandshake)
  scope('', (routes) => probeRoutes(routes, dependencies))
  scope('/api/v1', (routes) => {
    routes.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, async () => app.swagger())
  })
  frontDoor(app, authenticator)
  serveWebClient(app, dependencies.webFolder)
  return app
}

function workRoutes(app: App, dependencies: Dependencies, openBook: OpenRuleBook, judge: ReadinessJudge): void {
  overviewRoutes(app, dependencies)
  incidentRoutes(app, dependencies)
  detectionRoutes(app, dependencies, openBook)
  exceptionRoutes(app, dependencies)
  searchRoutes(app, dependencies)
  eventRoutes(app, dependencies)
  savedSearchRoutes(app, dependencies)
  sourceRoutes(app, dependencies, openBook)
  readinessRoutes(app, dependencies, openBook, judge)
  canaryRoutes(app, dependencies, openBook)
  runRoutes(app, dependencies, openBook)
  const statuses = new RuleStatuses(judge, dependencies)
  ruleRoutes(app, dependencies, openBook, statuses)
  ruleWorkbenchRoutes(app, dependencies, openBook, statuses)
  const jobs = new RuleJobs(dependencies)
  app.addHook('preClose', () => jobs.close())
  ruleJobRoutes(app, dependencies, openBook, jobs)
  ruleCollectionRoutes(app, dependencies, { book: openBook, statuses, jobs })
  assetRoutes(app, dependencies)
  indicatorRoutes(app, dependencies)
  notificationRoutes(app, dependencies)
  auditRoutes(app, dependencies)
  settingRoutes(app, dependencies)
}

/** `GET /`: the web client for browsers, the handshake of Elasticsearch for shippers that bring credentials. */
function frontDoor(app: App, authenticator: Authenticator): void {
  app.get('/', { config: { access: 'public', forShippers: true } }, async (request, reply) => {
    const isBrowser = request.headers.authorization === undefined || request.headers.accept?.includes('text/html')
    if (isBrowser) return sendFirstPage(request, reply)
    await authenticator.identify(request)
    requirePermission(request.actor, 'ingest')
    return answerHandshake(reply)
  })
}
