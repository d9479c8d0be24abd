import { readEnvironment } from '../../config/environment.ts'
import type { OfflineCounters, OfflineMatch } from '../../detect/offline.ts'
import { CodedError } from '../../event/errors.ts'
import { languageOf } from './detect-options.ts'
import { coloured, createMatchOutput, details, type OutputForm, openTextOutput, printable } from './detect-output.ts'
import { type Language, MatchSummary } from './detect-summary.ts'

/** A timeline is sorted in memory: most matches it holds. */
const timelineLimit = 2_000_000

export interface PrintOptions {
  output: OutputForm
  outputFile?: string
  summary?: boolean
  timeline?: boolean
  language?: Language
}

/** Writes the matches in the form that was asked for. Throws OUTPUT_UNWRITABLE and TOO_LARGE. */
export async function print(
  matches: AsyncIterable<OfflineMatch>,
  options: PrintOptions,
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

/** Matches without a time stand last; of one time they keep the order of files and records. */
function byTime(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0
  if (a === undefined) return 1
  return b === undefined || a < b ? -1 : 1
}
