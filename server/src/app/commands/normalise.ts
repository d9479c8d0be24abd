import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import type { Event } from '../../event/event.ts'
import { createOfflineReader } from '../offline-events.ts'
import { createLineOutput } from '../output.ts'

/** `watchfire normalise`: a log file in, ECS events out, one JSON object a line; works without the platform. */
export function normaliseCommand(program: Command, config: () => Config): void {
  program
    .command('normalise')
    .alias('normalize')
    .description('prints the ECS events of log files as NDJSON')
    .requiredOption('--input <file...>', 'log files, gzip or not')
    .option('--source <name>', 'parser to use (a folder of content/sources); recognised unless given')
    .action(async (options: { input: string[]; source?: string }) => {
      const reader = createOfflineReader(config())
      const parser = reader.requireParser(options.source)
      const output = createLineOutput()
      for (const file of options.input) {
        for await (const batch of reader.events(file, parser)) {
          for (const { event } of batch) await output.line(JSON.stringify(eventObject(event)))
        }
      }
    })
}

/** The event as one flat ECS object. Bytes that are no UTF-8 are given as Base64 beside their readable form. */
function eventObject(event: Event): Record<string, unknown> {
  const original = Buffer.from(event.raw)
  const text = original.toString('utf8')
  return {
    '@timestamp': new Date(event.timeMs).toISOString(),
    'event.id': event.id,
    ...event.fields,
    'event.original': text,
    ...(Buffer.from(text).equals(original) ? {} : { 'event.original_base64': original.toString('base64') }),
  }
}
