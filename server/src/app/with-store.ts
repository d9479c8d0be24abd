import type { Config } from '../config/config.ts'
import { CodedError } from '../event/errors.ts'
import { systemClock } from '../seams/clock/clock.ts'
import { connectStore, openStore } from '../seams/store/open.ts'
import type { Database } from '../seams/store/store.ts'
import { claimDataDir, runningInstance } from './instance.ts'
import { createLogger } from './logger.ts'

/**
 * Gives a command the state store: that of the running instance, or else the store is opened for as long as the work
 * takes. Throws INSTANCE_RUNNING while an instance is still starting.
 */
export async function withStore<Result>(
  config: Config,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const logger = createLogger({ logLevel: 'warn' }, 'command')
  const running = runningInstance(config.dataDir)
  if (running && !running.storeUrl) {
    throw new CodedError('INSTANCE_RUNNING', `the instance in ${config.dataDir} is still starting`, {
      pid: running.pid,
    })
  }
  if (running?.storeUrl) {
    const connection = connectStore(running.storeUrl, { logger })
    try {
      return await work(connection.database)
    } finally {
      await connection.close()
    }
  }
  const claim = claimDataDir(config.dataDir)
  try {
    const store = await openStore(config, { logger, clock: systemClock })
    try {
      return await work(store.database)
    } finally {
      await store.close()
    }
  } finally {
    claim.release()
  }
}
