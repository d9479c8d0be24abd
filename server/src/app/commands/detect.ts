import type { Command } from 'commander'
import { Option } from 'commander'
import type { Config } from '../../config/config.ts'
import { readRulePaths } from '../../detect/load.ts'
import { detectOffline, type OfflineMatch } from '../../detect/offline.ts'
import type { Logsource } from '../../detect/sigma/document.ts'
import { loadLookups } from '../../detect/sigma/logsource.ts'
import { compileRuleSet } from '../../detect/sigma/ruleset.ts'
import { CodedError } from '../../event/errors.ts'
import type { Event } from '../../event/event.ts'
import { contentDirs } from '../content.ts'
import { createOfflineReader, type OfflineReader } from '../offline-events.ts'
import { createLineOutput } from '../output.ts'
import { rulePaths } from '../rules.ts'

/** Declared formats and the parser each stands for; `auto` and `syslog` leave the choice to the content. */
const parserOfFormat: Record<string, string | undefined> = {
  auto: undefined,
  syslog: undefined,
  ndjson: 'json',
  'evtx-json': 'windows-event',
  eve: 'suricata-eve',
  zeek: 'zeek',
}

interface Options {
  rules?: string[]
  input: string[]
  format: string
  output: 'ndjson' | 'table'
  logsource?: string
}

/** `watchfire detect`: Sigma rules against log files; works without the platform. */
export function detectCommand(program: Command, config: () => Config): void {
  program
    .command('detect')
    .description('matches log files against Sigma rules, one match a line')
    .option('--rules <path...>', 'rule files and folders; the shipped rules unless given')
    .requiredOption('--input <file...>', 'log files, gzip or not')
    .addOption(new Option('--format <format>', 'of the input').choices(Object.keys(parserOfFormat)).default('auto'))
    .addOption(new Option('--output <form>', 'of the matches').choices(['ndjson', 'table']).default('ndjson'))
    .option(
      '--logsource <pairs>',
      'the input is of this logsource and its fields are used as they are, e.g. product=windows,category=process_creation',
    )
    .action(async (options: Options) => {
      const settings = config()
      const folders = contentDirs(settings)
      const ruleSet = compileRuleSet(readRulePaths(options.rules ?? rulePaths(folders)))
      for (const rule of ruleSet.refused) {
        console.error(
          `${rule.file}:${rule.line}:${rule.column}: refused (${rule.reason}): ${rule.message}. ${rule.hint}`,
        )
      }
      const reader = createOfflineReader(settings)
      const parser = parserOfFormat[options.format]
      const print = options.output === 'table' ? tablePrinter() : linePrinter()
      const matches = detectOffline({
        ruleSet,
        lookups: loadLookups(folders[0]!),
        files: options.input,
        logsource: options.logsource === undefined ? undefined : readLogsource(options.logsource),
        readEvents: (file) => eventsOf(reader, file, parser),
      })
      for await (const match of matches) await print(match)
    })
}

async function* eventsOf(reader: OfflineReader, file: string, parser: string | undefined): AsyncGenerator<Event> {
  for await (const batch of reader.events(file, parser)) for (const { event } of batch) yield event
}

/** `product=windows,category=process_creation`. Throws BAD_REQUEST. */
function readLogsource(text: string): Logsource {
  const logsource: Record<string, string> = {}
  for (const pair of text.split(',')) {
    const [key = '', value = ''] = pair.split('=').map((part) => part.trim())
    if (!['product', 'category', 'service'].includes(key) || value === '') {
      throw new CodedError(
        'BAD_REQUEST',
        `--logsource takes product=, category= and service=, not ${JSON.stringify(pair)}`,
      )
    }
    logsource[key] = value
  }
  return logsource
}

type Print = (match: OfflineMatch) => Promise<void>

function linePrinter(): Print {
  const output = createLineOutput()
  return (match) =>
    output.line(
      JSON.stringify({
        'rule.id': match.rule.id,
        'rule.title': match.rule.title,
        'rule.level': match.rule.level,
        'rule.author': match.rule.author,
        'rule.tags': match.rule.tags,
        'event.index': match.event.index,
        '@timestamp': match.event.timestamp,
        file: match.file,
        matched: match.matched,
        counted: match.counted,
      }),
    )
}

function tablePrinter(): Print {
  const output = createLineOutput()
  let isFirst = true
  return async (match) => {
    if (isFirst) await output.line(row('time', 'level', 'event', 'rule', 'file'))
    isFirst = false
    const { rule, event, file } = match
    await output.line(row(event.timestamp ?? '', rule.level, String(event.index), rule.title, file))
  }
}

function row(time: string, level: string, index: string, title: string, file: string): string {
  return `${time.padEnd(24)}  ${level.padEnd(13)}  ${index.padStart(8)}  ${title.padEnd(60)}  ${file}`
}
