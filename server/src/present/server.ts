import cookie from '@fastify/cookie'
import fastify, { type FastifyBaseLogger } from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import type { App } from './app.ts'
import { answerError } from './errors.ts'
import { registerOpenApi } from './openapi.ts'
import { assetRoutes } from './routes/assets.ts'
import { auditRoutes } from './routes/audit.ts'
import { authRoutes } from './routes/auth.ts'
import { detectionRoutes } from './routes/detections.ts'
import { eventRoutes } from './routes/events.ts'
import { exceptionRoutes } from './routes/exceptions.ts'
import { incidentRoutes } from './routes/incidents.ts'
import { indicatorRoutes } from './routes/indicators.ts'
import { ingestRoutes } from './routes/ingest.ts'
import { liveRoutes } from './routes/live.ts'
import { notificationRoutes } from './routes/notifications.ts'
import { overviewRoutes } from './routes/overview.ts'
import { ruleRoutes } from './routes/rules.ts'
import { savedSearchRoutes } from './routes/saved-searches.ts'
import { searchRoutes } from './routes/search.ts'
import { sourceRoutes } from './routes/sources.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { unitRoutes } from './routes/units.ts'
import { userRoutes } from './routes/users.ts'

export interface Dependencies {
  version: string
  logger?: FastifyBaseLogger
}

/** The HTTP face of the platform: REST under /api/v1, ingest, live stream, the web client. Does not listen yet. */
export function createServer(dependencies: Dependencies): App {
  const app: App = fastify({ loggerInstance: dependencies.logger }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler(answerError)
  app.register(cookie)
  registerOpenApi(app, dependencies.version)
  app.register(async (scope) => registerRoutes(scope as App), { prefix: '/api/v1' })
  return app
}

function registerRoutes(app: App): void {
  authRoutes(app)
  overviewRoutes(app)
  incidentRoutes(app)
  detectionRoutes(app)
  exceptionRoutes(app)
  searchRoutes(app)
  eventRoutes(app)
  savedSearchRoutes(app)
  sourceRoutes(app)
  ruleRoutes(app)
  assetRoutes(app)
  indicatorRoutes(app)
  notificationRoutes(app)
  userRoutes(app)
  unitRoutes(app)
  tokenRoutes(app)
  auditRoutes(app)
  ingestRoutes(app)
  liveRoutes(app)
}
