import { type FileInput, inputName } from '../collect/file/input.ts'
import { type ReadOptions, readFileRecords } from '../collect/file/read.ts'
import type { Config } from '../config/config.ts'
import { CodedError } from '../event/errors.ts'
import { loadParsers } from '../normalise/load.ts'
import { normaliseOffline, type OfflineEvent } from '../normalise/offline.ts'
import type { Parser } from '../normalise/parser.ts'
import { systemClock } from '../seams/clock/clock.ts'
import { contentDirs } from './content.ts'

/** Reads files as events without the platform: file reader -> normaliser, with the parsers of this installation. */
export interface OfflineReader {
  /** Throws NOT_FOUND naming the parsers there are. */
  requireParser(name: string | undefined): string | undefined
  events(file: string | FileInput, parser: string | undefined, options?: ReadOptions): AsyncGenerator<OfflineEvent[]>
}

/** Parsers that are refused are told. */
export function createOfflineReader(
  config: Config,
  tell: (text: string) => void = (text) => console.error(text),
): OfflineReader {
  const { parsers, refused } = loadParsers(contentDirs(config))
  for (const problem of refused) tell(`${problem.file}:${problem.line}: refused: ${problem.reason}`)
  return {
    requireParser: (name) => requireParser(parsers, name),
    events: (file, parser, options) =>
      normaliseOffline(readFileRecords(file, { onWarning: tell, ...options }), {
        parsers,
        file: typeof file === 'string' ? file : inputName(file),
        parser,
        zone: config.timeZone,
        receivedAtMs: systemClock.now(),
      }),
  }
}

function requireParser(parsers: readonly Parser[], name: string | undefined): string | undefined {
  if (name === undefined || parsers.some((parser) => parser.name === name)) return name
  const known = parsers.map((parser) => parser.name).sort()
  throw new CodedError('NOT_FOUND', `there is no parser ${name}; there are ${known.join(', ')}`, { name, known })
}
