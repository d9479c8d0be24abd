import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import { Option } from 'commander'
import { type FoundInput, findInputs, inputName, standardInput } from '../../collect/file/input.ts'
import { splitInputs } from '../../collect/file/parts.ts'
import type { Config } from '../../config/config.ts'
import { detectOffline, type OfflineCounters } from '../../detect/offline.ts'
import type { ScanBatch } from '../../detect/offline-scan.ts'
import { CodedError } from '../../event/errors.ts'
import { severityRank } from '../../event/event.ts'
import { isWanted, type RuleFilter, readLogsource, readTime, tellRefused } from './detect-options.ts'
import { outputForms } from './detect-output.ts'
import { type PrintOptions, print } from './detect-print.ts'
import { createDetectProgress } from './detect-progress.ts'
import { createFileScanner, formatNames, loadTaskRules, readsLines, type ScanTask } from './detect-scan.ts'
import { ScanPool } from './detect-threads.ts'

/** Every thread loads the rules by itself (3 s for SigmaHQ): one more pays from about this many bytes of input for each. */
const bytesPerThread = 32 * 2 ** 20
/** Unless more are asked for: rules take some hundred MiB in each thread. */
const defaultThreadsLimit = 8

interface Options extends PrintOptions, RuleFilter {
  rules?: string[]
  input: string[]
  format: string
  logsource?: string
  from?: string
  to?: string
  workers?: number
  recover?: boolean
  verbose?: boolean
  progress: boolean
}

/** `watchfire detect`: Sigma rules against log files; works without the platform. */
export function detectCommand(program: Command, config: () => Config): void {
  program
    .command('detect')
    .description('matches log files against Sigma rules, one match a line')
    .option('--rules <path...>', 'rule files, folders and ZIP archives; the shipped rules unless given')
    .requiredOption('--input <path...>', 'log files, folders and ZIP archives, gzip or not; - is standard input')
    .addOption(new Option('--format <format>', 'of the input').choices(formatNames).default('auto'))
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
    .option(
      '--workers <number>',
      `files, and parts of large NDJSON files, read at once, a core each; unless given, what the input is worth, up to ${defaultThreadsLimit}`,
      readWorkers,
    )
    .option('--verbose', 'says of each refused rule where and why')
    .option('--no-progress', 'no progress bar on a terminal')
    .addOption(new Option('--language <language>', 'of the summary; LANG decides unless given').choices(['zh', 'en']))
    .action((options: Options) => detect(config(), options))
}

async function detect(settings: Config, options: Options): Promise<void> {
  const { minLevel, status, tags, exclude } = options
  const filter: RuleFilter = { minLevel, status, tags, exclude }
  const task: ScanTask = {
    settings,
    rules: options.rules,
    filter,
    format: options.format,
    logsource: options.logsource === undefined ? undefined : readLogsource(options.logsource),
    fromMs: readTime('--from', options.from),
    toMs: readTime('--to', options.to),
    recover: options.recover ?? false,
  }
  const tell = (text: string) => console.error(text)
  const found = await findInputs(options.input, tell)
  // The same file given twice is read once.
  const files = [...new Map(found.map((input) => [inputName(input), input])).values()]
  const inputs = readsLines(options.format) ? await splitInputs(files) : files
  const workers = workersFor(inputs, options.workers)
  // Started first: they load the rules while this thread does.
  const pool = workers > 1 ? new ScanPool(task, inputs, workers - 1) : undefined
  try {
    const ruleSet = await loadTaskRules(task)
    tellRefused(ruleSet, options.verbose ?? false)
    const scan = createFileScanner(task, ruleSet, tell)
    const counters: OfflineCounters = { files: 0, records: 0, matches: 0, unreadable: 0 }
    let unread = 0
    const progress = createDetectProgress(options.progress, inputs, counters)
    pool?.begin(scan, progress)
    const scanFile = async function* (_: string, fileIndex: number): AsyncGenerator<ScanBatch> {
      if (pool) return yield* pool.batches(fileIndex)
      for await (const batch of scan(inputs[fileIndex]!)) {
        progress.batch(fileIndex, batch)
        yield batch
      }
      progress.fileDone(fileIndex)
    }
    const matches = detectOffline({
      ruleSet,
      files: inputs.map(inputName),
      scan: (file, fileIndex) =>
        files.length === 1 ? scanFile(file, fileIndex) : tolerant(scanFile(file, fileIndex), () => unread++),
      continues: (fileIndex) => (inputs[fileIndex]!.part?.from ?? 0) > 0,
      isShown: (document) => isWanted(document, filter),
      onWarning: tell,
      counters,
    })
    await print(matches, options, counters, () => progress.done())
    if (unread > 0) tell(`${unread} of ${files.length} files could not be read to their end`)
  } finally {
    await pool?.close()
  }
}

/** Threads that read files. Standard input belongs to the main thread alone. */
function workersFor(inputs: readonly FoundInput[], asked: number | undefined): number {
  if (inputs.some(({ path }) => path === standardInput)) return 1
  const bytes = inputs.reduce((sum, input) => sum + input.bytes, 0)
  const worth = Math.min(availableParallelism(), defaultThreadsLimit, Math.floor(bytes / bytesPerThread))
  return Math.max(1, Math.min(inputs.length, asked ?? worth))
}

function readWorkers(text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1 || number > 256)
    throw new CodedError('BAD_REQUEST', `--workers takes 1 to 256, not ${text}`)
  return number
}

/** Of many files one that is damaged or of no known format is told and the next one read. */
async function* tolerant<T>(source: AsyncIterable<T>, count: () => void): AsyncGenerator<T> {
  try {
    yield* source
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    console.error(`${error.code}: ${error.message}`)
    count()
  }
}
