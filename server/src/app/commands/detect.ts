import type { Command } from 'commander'
import { Option } from 'commander'
import type { FileFormat } from '../../collect/file/format.ts'
import { type FoundInput, findInputs, inputName } from '../../collect/file/input.ts'
import { type ReadOptions, readFileRecords } from '../../collect/file/read.ts'
import type { Config } from '../../config/config.ts'
import { readEnvironment } from '../../config/environment.ts'
import { detectOffline, type OfflineCounters, type OfflineMatch } from '../../detect/offline.ts'
import { loadLookups } from '../../detect/sigma/logsource.ts'
import { compileRuleSet } from '../../detect/sigma/ruleset.ts'
import { CodedError } from '../../event/errors.ts'
import { type Event, type Severity, severityRank } from '../../event/event.ts'
import { createProgress } from '../../lib/progress.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { contentDirs } from '../content.ts'
import { createOfflineReader } from '../offline-events.ts'
import { readRules } from '../offline-rules.ts'
import { rulePaths } from '../rules.ts'
import { isWanted, languageOf, readLogsource, readTime, tellRefused } from './detect-options.ts'
import {
  coloured,
  createMatchOutput,
  details,
  type OutputForm,
  openTextOutput,
  outputForms,
  printable,
} from './detect-output.ts'
import { type Language, MatchSummary } from './detect-summary.ts'

/** Declared formats: how the file is cut and the parser of its records; what is undefined is told by the content. */
const formats: Record<string, { cut?: FileFormat; parser?: string }> = {
  auto: {},
  syslog: { cut: 'lines' },
  ndjson: { parser: 'json' },
  evtx: { cut: 'evtx', parser: 'windows-event' },
  'evtx-json': { parser: 'windows-event' },
  'windows-xml': { cut: 'windows-xml', parser: 'windows-event' },
  eve: { parser: 'suricata-eve' },
  zeek: { parser: 'zeek' },
  csv: { cut: 'csv' },
}

/** JSON records of a declared logsource may be long; beyond this many bytes they are refused. */
const declaredRecordBytes = 64 * 2 ** 20
/** A timeline is sorted in memory: most matches it holds. */
const timelineLimit = 2_000_000

interface Options {
  rules?: string[]
  input: string[]
  format: string
  output: OutputForm
  outputFile?: string
  logsource?: string
  minLevel?: Severity
  status?: string[]
  tags?: string[]
  exclude?: string[]
  from?: string
  to?: string
  summary?: boolean
  timeline?: boolean
  recover?: boolean
  verbose?: boolean
  progress: boolean
  language?: Language
}

/** `watchfire detect`: Sigma rules against log files; works without the platform. */
export function detectCommand(program: Command, config: () => Config): void {
  program
    .command('detect')
    .description('matches log files against Sigma rules, one match a line')
    .option('--rules <path...>', 'rule files, folders and ZIP archives; the shipped rules unless given')
    .requiredOption('--input <path...>', 'log files, folders and ZIP archives, gzip or not; - is standard input')
    .addOption(new Option('--format <format>', 'of the input').choices(Object.keys(formats)).default('auto'))
    .addOption(new Option('--output <form>', 'of the matches').choices([...outputForms]).default('ndjson'))
    .option('--output-file <file>', 'where the matches go; standard output unless given')
    .option(
      '--logsource <pairs>',
      'the input is of this logsource and its fields are used as they are, e.g. product=windows,category=process_creation',
    )
    .addOption(new Option('--min-level <level>', 'matches of this level and above').choices(Object.keys(severityRank)))
    .option('--status <status...>', 'rules of these statuses, e.g. stable test')
    .option('--tags <tag...>', 'rules with one of these tags; attack.t1059 includes attack.t1059.001')
    .option('--exclude <name...>', 'no rules with one of these ids or tags')
    .option('--from <time>', 'events of this time and later (ISO 8601; UTC unless it says a zone)')
    .option('--to <time>', 'events before this time')
    .option('--summary', 'counts by level, hour, rule, host, user and ATT&CK instead of single matches')
    .option('--timeline', 'all matches in the order of event time, with the details of each, for reading')
    .option('--recover', 'reads Windows events in the unused space of EVTX files too')
    .option('--verbose', 'says of each refused rule where and why')
    .option('--no-progress', 'no progress bar on a terminal')
    .addOption(new Option('--language <language>', 'of the summary; LANG decides unless given').choices(['zh', 'en']))
    .action((options: Options) => detect(config(), options))
}

async function detect(settings: Config, options: Options): Promise<void> {
  const folders = contentDirs(settings)
  const lookups = loadLookups(folders[0]!)
  const ruleSet = compileRuleSet(await readRules(options.rules ?? rulePaths(folders)))
  tellRefused(ruleSet, options.verbose ?? false)
  const inputs = await findInputs(options.input, (text) => console.error(text))
  const byName = new Map(inputs.map((input) => [inputName(input), input]))
  const { cut, parser } = formats[options.format]!
  const logsource = options.logsource === undefined ? undefined : readLogsource(options.logsource)
  const reading: ReadOptions = {
    format: cut,
    recover: options.recover,
    onWarning: (text) => console.error(text),
    limits: logsource ? { recordBytes: declaredRecordBytes } : undefined,
  }
  const reader = createOfflineReader(settings)
  const counters: OfflineCounters = { files: 0, records: 0, matches: 0, unreadable: 0 }
  const progress = createDetectProgress(options, inputs, counters)
  const isOnly = inputs.length === 1
  const guarded = <T>(source: AsyncIterable<T>) => tolerant(source, isOnly)
  const matches = detectOffline({
    ruleSet,
    lookups,
    files: [...byName.keys()],
    logsource,
    readEvents: (name) => guarded(eventsOf(reader.events(byName.get(name)!, parser, reading))),
    readRecords: (name) => guarded(textsOf(readFileRecords(byName.get(name)!, reading))),
    fromMs: readTime('--from', options.from),
    toMs: readTime('--to', options.to),
    isShown: (document) => isWanted(document, options),
    onBatch: () => progress.batch(),
    counters,
  })
  await print(matches, options, counters, () => progress.done())
}

async function print(
  matches: AsyncIterable<OfflineMatch>,
  options: Options,
  counters: OfflineCounters,
  readingEnded: () => void,
): Promise<void> {
  const output = await openTextOutput(options.outputFile)
  if (options.summary) {
    const summary = new MatchSummary(options.language ?? languageOf(readEnvironment()))
    for await (const match of matches) summary.add(match)
    readingEnded()
    await output.write(`${summary.lines(counters, output.isTerminal).join('\n')}\n`)
  } else if (options.timeline) {
    const all: OfflineMatch[] = []
    for await (const match of matches) {
      if (all.length >= timelineLimit)
        throw new CodedError(
          'TOO_LARGE',
          `a timeline holds ${timelineLimit} matches; narrow it with --from and --min-level`,
        )
      all.push(match)
    }
    readingEnded()
    all.sort((a, b) => byTime(a.event.timestamp, b.event.timestamp))
    const isTable = options.output === 'ndjson' || options.output === 'table'
    const form = createMatchOutput(isTable ? 'ndjson' : options.output, output)
    for (const match of all) {
      if (isTable) await output.write(`${timelineRow(match, output.isTerminal)}\n`)
      else await form.match(match)
    }
    if (!isTable) await form.end()
  } else {
    const form = createMatchOutput(options.output, output)
    for await (const match of matches) await form.match(match)
    await form.end()
    readingEnded()
  }
  await output.close()
}

/** `2026-… high  host  rule  details`, one match a line, for reading down. */
function timelineRow(match: OfflineMatch, isTerminal: boolean): string {
  const { rule, event, seen, file } = match
  const level = coloured(rule.level, rule.level.padEnd(13), isTerminal)
  const host = printable(seen.host ?? '-').padEnd(18)
  const what = [seen.channel, seen.eventId].filter((text) => text !== undefined).join(' ')
  const cells = [
    (event.timestamp ?? '-').padEnd(24),
    level,
    host,
    printable(what).padEnd(30),
    printable(rule.title),
    details(match),
    `${printable(file)}:${event.index}`,
  ]
  return cells.join('  ')
}

async function* eventsOf(batches: AsyncIterable<{ event: Event }[]>): AsyncGenerator<Event[]> {
  for await (const batch of batches) yield batch.map(({ event }) => event)
}

async function* textsOf(chunks: AsyncIterable<{ records: Buffer[] }>): AsyncGenerator<string[]> {
  for await (const { records } of chunks) yield records.map((record) => record.toString('utf8'))
}

/** Of many files one that is damaged or of no known format is told and the next one read; a single one fails. */
async function* tolerant<T>(source: AsyncIterable<T>, isOnly: boolean): AsyncGenerator<T> {
  try {
    yield* source
  } catch (error) {
    if (isOnly || !(error instanceof CodedError)) throw error
    console.error(`${error.code}: ${error.message}`)
  }
}

/** A bar on a terminal: bytes, events a second, matches, time left. Nothing elsewhere. */
function createDetectProgress(options: Options, inputs: readonly FoundInput[], counters: OfflineCounters) {
  if (!options.progress || process.stderr.isTTY !== true) return { batch: () => undefined, done: () => undefined }
  const now = () => systemClock.now()
  const startedAtMs = now()
  const before = [0]
  for (const { bytes } of inputs) before.push(before[before.length - 1]! + bytes)
  const bar = createProgress(process.stderr, 'detect', before[before.length - 1]!, now)
  const draw = () => {
    const perSecond = Math.round(counters.records / Math.max(0.001, (now() - startedAtMs) / 1_000))
    bar.update(
      before[counters.files - 1] ?? 0,
      `${counters.records} events, ${perSecond}/s, ${counters.matches} matches`,
    )
  }
  return {
    batch: draw,
    done() {
      bar.update(before[before.length - 1]!, `${counters.records} events, ${counters.matches} matches`)
      bar.done()
    },
  }
}

/** Matches without a time stand last; of one time they keep the order of files and records. */
function byTime(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0
  if (a === undefined) return 1
  return b === undefined || a < b ? -1 : 1
}
