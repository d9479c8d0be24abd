import { join } from 'node:path'
import { workerData } from 'node:worker_threads'
import { loadAnalytics } from '../../detect/analytics/definition.ts'
import { createBehaviourWatch } from '../../detect/behaviour/watch.ts'
import { createDetector } from '../../detect/detect.ts'
import { detectIntel } from '../../detect/intel/detect.ts'
import { loadLookups } from '../../detect/sigma/logsource.ts'
import { openAutonomousSystems } from '../../enrich/autonomous-systems.ts'
import { createEnricher, type EnrichKnowledge } from '../../enrich/enrich.ts'
import { openPlaces } from '../../enrich/geo.ts'
import { type CanaryNews, canaryUnitPath } from '../../event/canary.ts'
import type { Change } from '../../event/change.ts'
import { loadParsers } from '../../normalise/load.ts'
import { createNormaliser } from '../../normalise/normalise.ts'
import { openLocalBus } from '../../seams/bus/local.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { openBlockLedger } from '../../seams/events/blocks.ts'
import { connectEvents } from '../../seams/events/open.ts'
import { connectStore } from '../../seams/store/open.ts'
import { createBlockWriter } from '../block-writer.ts'
import { contentDirs } from '../content.ts'
import { createLogger } from '../logger.ts'
import { createMatchPublisher } from '../match-publisher.ts'
import { createPipeline } from '../pipeline.ts'
import { runThread } from '../thread-body.ts'
import { openAuditFile } from './audit-file.ts'
import { createCanaryNews } from './canary-news.ts'
import { openColumnFile } from './column-file.ts'
import { processGroup, type ThreadData } from './data.ts'
import { createFieldSampler } from './field-sampler.ts'
import { guardDetection } from './guarded-detect.ts'
import { createHostReporter } from './host-reporter.ts'
import { createIntake } from './intake.ts'
import { followKnowledge } from './knowledge.ts'
import { followRules } from './rules.ts'
import { createSourceReporter } from './source-reporter.ts'

const { config, storeUrl, eventsAccess, autonomousSystems, index } = workerData as ThreadData

/** Events of canaries are kept for a day. */
const canaryRetentionDays = 1

const emptyKnowledge: EnrichKnowledge = { assets: [], units: new Map(), sources: new Map(), indicators: [] }

/** A process thread: bus `raw` -> normalise -> enrich -> detect -> bus `matches`, and blocks -> event store. */
await runThread(async () => {
  const logger = createLogger(config, `process-${index}`)
  const clock = systemClock
  const folders = contentDirs(config)
  const bus = await openLocalBus({
    directory: join(config.dataDir, 'bus'),
    partitions: [index],
    take: (partition) => partition % config.processThreads === index,
    limitBytes: config.busLimitBytes,
    logger,
    clock,
  })
  const store = connectStore(storeUrl, { logger })
  const events = connectEvents(eventsAccess, ({ unitPath }) =>
    unitPath === canaryUnitPath ? canaryRetentionDays : eventsAccess.retentionDays,
  )
  const ledger = openBlockLedger(join(config.dataDir, 'blocks'))

  const { parsers, refused } = loadParsers(folders)
  for (const file of refused) logger.error(file, 'a parser file was refused')
  const columnFile = openColumnFile(join(config.dataDir, `columns-${index}.json`), { clock, logger })
  const auditFile = openAuditFile(join(config.dataDir, `audit-events-${index}.json`), { clock, logger })
  const normaliser = createNormaliser(parsers, { zone: config.timeZone, columns: columnFile.columns() })
  const findPlace = openPlaces(config, {
    findSystem: autonomousSystems && openAutonomousSystems(autonomousSystems),
    onDamaged: (err, path) => logger.error({ err, path }, 'a file of places is damaged and no longer used'),
  })
  const enricher = createEnricher(emptyKnowledge, findPlace)
  const changes = bus.broadcast<Change>('changes')
  const rules = await followRules({
    database: store.database,
    contentDirs: folders,
    changes,
    logger,
    async take({ set, off }) {
      rulesOff = off
      await detector.replace(set, (ruleId) => !off.has(ruleId))
    },
  })
  let rulesOff = rules.off
  const enabled = (ruleId: string) => !rules.off.has(ruleId)
  const lookups = loadLookups(folders[0]!)
  const detector = createDetector(rules.set, { lookups, enabled })
  const fields = createFieldSampler(lookups.routingFields)
  const isOn = (ruleId: string) => !rulesOff.has(ruleId)
  const behaviour = createBehaviourWatch(loadAnalytics(folders), isOn)
  const detection = guardDetection(
    (batch) => [
      ...detector.match(batch),
      ...detectIntel(batch, isOn),
      ...behaviour.push(batch).map(({ event, detection }) => ({ event, matches: [detection] })),
    ],
    logger,
  )
  const matches = createMatchPublisher({ bus, clock, logger })
  let lag = () => 0
  const blocks = createBlockWriter({
    clock,
    ledger,
    openBlock: events.openBlock,
    onClose: ({ partition, last }) => auditFile.note(partition, last, normaliser.unfinished(partition)),
    async commit(partition, last) {
      columnFile.save()
      auditFile.save()
      await bus.commit('raw', processGroup, partition, last)
    },
    onFailure: (error, attempt) => logger.warn({ err: error, attempt }, 'a block could not be stored yet'),
    unstoredRecords: () => lag(),
  })
  const intake = createIntake({ normaliser, columnFile, auditFile, logger })
  const canaries = createCanaryNews(bus.broadcast<CanaryNews>('canaries'), clock)
  const pipeline = createPipeline({
    normalise(batch) {
      const normalised = intake.normalise(batch)
      fields.add(normalised)
      return normalised
    },
    enrich(batch) {
      enricher.enrich(batch)
      hosts.add(batch)
      if (intake.holdsCanaries()) canaries.claim(batch)
    },
    detect(batch) {
      const found = detection.detect(batch)
      if (intake.holdsCanaries()) canaries.tellDetected(found)
      return found
    },
    publishMatches: matches.publish,
    store: blocks.add,
  })
  const knowledge = await followKnowledge({
    database: store.database,
    clock,
    changes,
    logger,
    take({ pins, enrich }) {
      intake.setPins(pins)
      enricher.replace(enrich)
    },
  })
  const hosts = createHostReporter({ database: store.database, clock, logger })
  const reporter = createSourceReporter({
    database: store.database,
    clock,
    changes,
    logger,
    take: intake.takeStatistics,
    takeFills: fields.takeSamples,
  })
  const subscription = await bus.subscribe('raw', processGroup, {
    // Some 20 ms of work at most, so that nothing on this thread waits longer: commits, new rules, the next matches.
    batchSize: 500,
    ...intake.replaying({ ledger, pipeline, blocks }),
  })
  lag = () => subscription.lag()
  return {
    stats: () => ({
      lag: subscription.lag(),
      events: detector.counters.events,
      matches: detector.counters.matches,
      indicatorMatches: enricher.counters.matched,
      undetected: detection.failed(),
      ...behaviour.counters(),
      unreadable: intake.unreadable(),
      joined: intake.joined(),
      sourcesRefused: reporter.refused(),
      hostFactsRefused: hosts.refused(),
      ...blocks.stats(),
    }),
    async stop() {
      await subscription.close()
      knowledge.stop()
      rules.stop()
      await reporter.stop()
      await hosts.stop()
      await blocks.close()
      await matches.settled()
      await bus.close()
      await ledger.close()
      await events.close()
      await store.close()
    },
  }
})
