import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { systemActor } from '../../state/actor.ts'
import { startDemo } from '../demo/play.ts'
import { openDemoReceiver } from '../demo/receiver.ts'
import { firstAccountLines } from '../first-accounts.ts'
import { createLogger } from '../logger.ts'
import { type Platform, startPlatform } from '../platform.ts'
import { programVersion } from '../version.ts'

/** `watchfire serve`: runs everything until it is told to stop. */
export function serveCommand(program: Command, config: () => Config): void {
  program
    .command('serve')
    .description('runs the platform: collection, detection, incidents, web client')
    .option('--demo', 'plays a scenario of a fictional city bureau through the inputs')
    .action(async (options: { demo?: boolean }) => {
      const settings = config()
      const logger = createLogger(settings, 'main')
      const clock = systemClock
      const stopping = new AbortController()
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())
      const receiver = options.demo ? await openDemoReceiver() : undefined
      const surroundings = { logger, clock, version: programVersion, demoReceiver: receiver?.origin }
      const platform = await startPlatform(settings, surroundings)
      tell(settings, platform)
      const demo = receiver ? playDemo(settings, platform, receiver.origin, stopping.signal) : undefined
      await new Promise<void>((resolve) => {
        if (stopping.signal.aborted) return resolve()
        stopping.signal.addEventListener('abort', () => resolve(), { once: true })
      })
      console.log('stopping ...')
      await demo
      await platform.stop()
      await receiver?.close()
    })
}

/** What the operator needs to know, on standard output. */
function tell(config: Config, platform: Platform): void {
  const lines = [
    '',
    `Watchfire 烽燧 ${programVersion} is ready`,
    '',
    `  web and API   ${platform.httpUrl}`,
    `  syslog        ${config.bind}:${config.syslogPort} (UDP and TCP)`,
    `  data          ${config.dataDir}`,
  ]
  lines.push(...firstAccountLines(platform.firstAccounts))
  console.log(`${lines.join('\n')}\n`)
}

async function playDemo(
  config: Config,
  platform: Platform,
  receiverOrigin: string,
  signal: AbortSignal,
): Promise<void> {
  const token = await platform.issueToken(systemActor('demo'), [
    'ingest',
    'unit:read',
    'unit:write',
    'source:read',
    'source:write',
    'event:read',
    'detection:read',
    'rule:read',
    'rule:draft',
    'rule:write',
    'exception:write',
    'notification:read',
    'notification:write',
  ])
  await startDemo({
    syslogPort: config.syslogPort,
    syslogHost: config.bind,
    httpUrl: platform.httpUrl,
    token,
    receiverOrigin,
    clock: systemClock,
    signal,
    onHistory: (report) => {
      console.log(`  demo: ${report.historyRecords} records of the last day are in; live activity goes on`)
      if (report.dutyProblem) console.error(`  demo: the duty desk is not whole: ${report.dutyProblem}`)
      if (report.cityProblem) console.error(`  demo: units and assets were not made: ${report.cityProblem}`)
    },
  })
}
