import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { readRulePaths } from '../../detect/load.ts'
import { detectOffline } from '../../detect/offline.ts'
import { createScanner } from '../../detect/offline-scan.ts'
import { loadLookups } from '../../detect/sigma/logsource.ts'
import { compileRuleSet } from '../../detect/sigma/ruleset.ts'
import { CodedError } from '../../event/errors.ts'
import type { Event } from '../../event/event.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { recordEvent, recordLine } from '../../traffic/event.ts'
import { type CaptureReport, captureBytes, captureRecords } from '../../traffic/read-capture.ts'
import type { TrafficRecord } from '../../traffic/record.ts'
import { contentDirs } from '../content.ts'
import { addFileOptions, type FileOptions, openJudges } from '../files/open-judges.ts'
import { createLineOutput } from '../output.ts'
import { rulePaths } from '../rules.ts'
import { openTrafficRules } from './traffic-rules.ts'

interface Options extends FileOptions {
  detect?: true
  rules?: string[]
  dataset?: string[]
}

/** `watchfire traffic`: captures in, one ECS record a line out; works without the platform. */
export function trafficCommand(program: Command, config: () => Config): void {
  const command = program
    .command('traffic')
    .argument('<file...>', 'captures (pcap, pcapng, gzip or not), folders of them, or - for a live stream of one')
    .description('prints what network captures hold as ECS records, one JSON object a line')
    .option('--detect', 'matches the records against Sigma rules too: each match is a line with rule.id and rule.title')
    .option(
      '--rules <path...>',
      'for --detect: files and folders of Sigma rules, and files of Suricata rules (.rules); the shipped rules unless given',
    )
    .option('--dataset <name...>', 'prints only records of these data sets, e.g. dns http tls')
  addFileOptions(command).action(async (paths: string[], options: Options) => {
    const output = createLineOutput()
    const wanted = options.dataset === undefined ? undefined : new Set(options.dataset)
    const print = (line: Record<string, unknown>) => output.line(JSON.stringify(line))
    const files = paths.flatMap((path) => (path === '-' ? [path] : filesOf(path)))

    const late: TrafficRecord[] = []
    const judges = openJudges(options, {
      ...{ contentDirs: contentDirs(config()), clock: systemClock },
      emit: (record) => late.push(record),
      onTrouble: (text) => console.error(text),
    })

    const folders = contentDirs(config())
    const rules = options.detect ? openTrafficRules(folders, options.rules) : undefined

    async function* events(file: string): AsyncGenerator<Event[]> {
      let index = 0
      async function* records() {
        const report = (told: CaptureReport) => tell(file, told)
        yield* captureRecords(bytesOf(file), report, tellFailure, judges.inspectFile, rules?.inspect)
        await judges.settled()
        yield* late.splice(0)
      }
      for await (const record of records()) {
        if (wanted === undefined || wanted.has(record.dataset)) await output.line(recordLine(record))
        const event = recordEvent(record, `${file}:${index++}`)
        for (const line of rules?.lines(event) ?? []) await print({ ...line, file })
        yield [event]
      }
      for (const line of rules?.lines() ?? []) await print({ ...line, file })
    }

    if (!options.detect) {
      for (const file of files) for await (const _ of events(file));
      return
    }
    const ruleSet = compileRuleSet(readRulePaths(rules?.sigmaPaths ?? rulePaths(folders)))
    for (const rule of ruleSet.refused)
      console.error(`${rule.file}:${rule.line}:${rule.column}: refused (${rule.reason}): ${rule.message}. ${rule.hint}`)
    const lookups = loadLookups(folders[0]!)
    const scan = createScanner({ ruleSet, lookups, readEvents: events })
    for await (const match of detectOffline({ ruleSet, files, scan, onWarning: (text) => console.error(text) })) {
      await print({
        '@timestamp': match.event.timestamp,
        'event.kind': 'alert',
        'event.dataset': 'match',
        'rule.id': match.rule.id,
        'rule.title': match.rule.title,
        'rule.level': match.rule.level,
        'event.index': match.event.index,
        file: match.file,
        matched: match.matched,
        counted: match.counted,
      })
    }
  })
}

/** A folder stands for the files in it and below, in the order of their names. Throws NOT_FOUND. */
function filesOf(path: string): string[] {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat) throw new CodedError('NOT_FOUND', `${path} does not exist`, { file: path })
  if (!stat.isDirectory()) return [path]
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(pcap|pcapng|cap|dmp|trace)(\.gz)?$/i.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

function bytesOf(file: string): AsyncIterable<Uint8Array> {
  return file === '-' ? (process.stdin as AsyncIterable<Uint8Array>) : captureBytes(file)
}

/** What the reader of the records has to know, on standard error: a capture with losses shows less than there was. */
function tell(file: string, { state, capture, sensor }: CaptureReport): void {
  if (state === 'not-a-capture') console.error(`${file}: no pcap or pcapng capture`)
  if (state === 'damaged') console.error(`${file}: damaged after ${capture.packets} packets; what lies before is told`)
  if (state === 'truncated') console.error(`${file}: ends within a packet, after ${capture.packets} whole ones`)
  if (capture.damaged > 0) console.error(`${file}: ${capture.damaged} damaged blocks were skipped`)
  if (capture.cut > 0) console.error(`${file}: ${capture.cut} packets were cut by the snap length of the capture`)
  if (capture.lost > 0) console.error(`${file}: the capturer lost ${capture.lost} packets`)
  if (sensor.evictedFlows > 0) console.error(`${file}: ${sensor.evictedFlows} flows gave way to newer ones`)
}

function tellFailure(error: unknown): void {
  console.error('a dissector failed and left its conversation:', error)
}
