import type { Logger } from 'pino'
import type { EnrichKnowledge } from '../../enrich/enrich.ts'
import type { EnrichIndicator } from '../../enrich/indicators.ts'
import type { Change } from '../../event/change.ts'
import type { Broadcast } from '../../seams/bus/bus.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import type { Database } from '../../seams/store/store.ts'
import { loadAssets } from '../../state/assets/all.ts'
import { loadIndicators } from '../../state/indicators/all.ts'
import { loadSourcePins, type SourceSettlement } from '../../state/sources/pins.ts'
import { loadUnits } from '../../state/units/all.ts'

/** What people have settled, as a process thread works with it. */
export interface Knowledge {
  pins: ReadonlyMap<string, SourceSettlement>
  enrich: EnrichKnowledge
}

/** Changes of these things concern the process threads. */
const nouns = new Set<Change['noun']>(['source', 'indicator', 'asset', 'unit'])
/** Several changes in a row are one reload. */
const gatherMs = 250
/** A change whose message was missed is seen after this. */
const refreshMs = 60_000

/** Loads all of it and hands it to `take`, now and whenever it changes. While the store is away the last one stays in force. */
export async function followKnowledge(options: {
  database: Database
  clock: Clock
  changes: Broadcast<Change>
  logger: Logger
  take(knowledge: Knowledge): void
}): Promise<{ stop(): void }> {
  const { database, clock, changes, logger, take } = options
  let due: NodeJS.Timeout | undefined
  let running = false
  let again = false
  let stopped = false

  async function load(): Promise<void> {
    const [pins, assets, units] = await Promise.all([
      loadSourcePins(database),
      loadAssets(database),
      loadUnits(database),
    ])
    const indicators: EnrichIndicator[] = []
    for await (const batch of loadIndicators(database, clock)) {
      for (const indicator of batch) indicators.push({ ...indicator, expiresAtMs: indicator.expiresAt?.getTime() })
    }
    const sources = new Map([...pins].map(([key, { unitPath }]) => [key, unitPath]))
    if (!stopped) take({ pins, enrich: { assets, units, sources, indicators } })
  }

  async function reload(): Promise<void> {
    if (running) {
      again = true
      return
    }
    running = true
    try {
      await load()
    } catch (error) {
      logger.warn({ err: error }, 'sources and assets could not be loaded again; the last ones stay in force')
    } finally {
      running = false
    }
    if (again && !stopped) {
      again = false
      schedule(gatherMs)
    }
  }

  function schedule(delayMs: number): void {
    clearTimeout(due)
    due = setTimeout(() => void reload().then(() => schedule(refreshMs)), delayMs)
  }

  await load()
  schedule(refreshMs)
  const stopListening = changes.listen((change) => {
    if (nouns.has(change.noun)) schedule(gatherMs)
  })
  return {
    stop() {
      stopped = true
      clearTimeout(due)
      stopListening()
    },
  }
}
