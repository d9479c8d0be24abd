import type { FileFormat } from '../../collect/file/format.ts'
import type { FileInput } from '../../collect/file/input.ts'
import { type ReadOptions, readFileRecords } from '../../collect/file/read.ts'
import type { Config } from '../../config/config.ts'
import { createScanner, type ReadWatch, type ScanBatch } from '../../detect/offline-scan.ts'
import type { Logsource } from '../../detect/sigma/document.ts'
import { loadLookups } from '../../detect/sigma/logsource.ts'
import { compileRuleSet, type RuleSet } from '../../detect/sigma/ruleset.ts'
import type { Event } from '../../event/event.ts'
import { contentDirs } from '../content.ts'
import { createOfflineReader } from '../offline-events.ts'
import { readRules } from '../offline-rules.ts'
import { rulePaths } from '../rules.ts'
import { isWanted, type RuleFilter } from './detect-options.ts'

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
export const formatNames = Object.keys(formats)

/** True for formats whose records may be lines of JSON, each by itself. */
export function readsLines(format: string): boolean {
  return formats[format]?.cut === undefined
}

/** JSON records of a declared logsource may be long; beyond this many bytes they are refused. */
const declaredRecordBytes = 64 * 2 ** 20

/** What one scan of files is told; plain data, so that a thread can be told the same. */
export interface ScanTask {
  settings: Config
  rules: string[] | undefined
  filter: RuleFilter
  format: string
  logsource: Logsource | undefined
  fromMs: number | undefined
  toMs: number | undefined
  recover: boolean
}

export type ScanFile = (input: FileInput) => AsyncGenerator<ScanBatch>

/** Reads and compiles the rules of a task. Throws RULES_UNREADABLE. */
export async function loadTaskRules({ settings, rules }: ScanTask): Promise<RuleSet> {
  return compileRuleSet(await readRules(rules ?? rulePaths(contentDirs(settings))))
}

/** file reader -> normaliser -> rules, for one file after the other. `tell` hears of parsers that are refused. */
export function createFileScanner(task: ScanTask, ruleSet: RuleSet, tell: (text: string) => void): ScanFile {
  const { cut, parser } = formats[task.format]!
  const reader = createOfflineReader(task.settings, tell)
  const reading = ({ part }: FileInput, watch: ReadWatch): ReadOptions => ({
    format: part ? 'ndjson' : cut,
    recover: task.recover,
    limits: task.logsource ? { recordBytes: declaredRecordBytes } : undefined,
    ...watch,
  })
  return createScanner<FileInput>({
    ruleSet,
    lookups: loadLookups(contentDirs(task.settings)[0]!),
    logsource: task.logsource,
    fromMs: task.fromMs,
    toMs: task.toMs,
    readEvents: (input, watch) => eventsOf(reader.events(input, parser, reading(input, watch))),
    readRecords: (input, watch) => textsOf(readFileRecords(input, reading(input, watch))),
    isShown: (document) => isWanted(document, task.filter),
  })
}

async function* eventsOf(batches: AsyncIterable<{ event: Event }[]>): AsyncGenerator<Event[]> {
  for await (const batch of batches) yield batch.map(({ event }) => event)
}

async function* textsOf(chunks: AsyncIterable<{ records: Buffer[] }>): AsyncGenerator<string[]> {
  for await (const { records } of chunks) yield records.map((record) => record.toString('utf8'))
}
