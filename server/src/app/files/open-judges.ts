import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { CodedError } from '../../event/errors.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import { openYara } from '../../traffic/files/yara.ts'
import type { Emit } from '../../traffic/record.ts'
import type { InspectFile } from '../../traffic/stream/files.ts'
import { capeJudge } from './cape.ts'
import { clamavJudge } from './clamav.ts'
import { type FileJudge, FileJudges } from './file-judges.ts'

export interface FileOptions {
  clamd?: string
  cape?: string
  capeTokenFile?: string
  capeInside?: true
}

/** The options that say who looks into files, for every command that reads packets. */
export function addFileOptions(command: Command): Command {
  return command
    .option('--clamd <address>', 'has clamd look into files that travel: tcp://HOST:PORT or unix:/PATH')
    .option('--cape <url>', 'has a CAPE sandbox run programs and documents that travel')
    .option('--cape-token-file <file>', 'file that holds the API token of the sandbox')
    .addOption(new Option('--cape-inside', 'the sandbox stands at a private address'))
}

export interface OpenedJudges {
  inspectFile: InspectFile | undefined
  /** Resolves when every file has been judged that was handed on. */
  settled(): Promise<void>
}

/** YARA, which looks at once, and the judges that take their time. Throws CONFIG_INVALID, RULE_INVALID, NOT_FOUND. */
export function openJudges(
  options: FileOptions,
  surroundings: { contentDirs: readonly string[]; emit: Emit; clock: Clock; onTrouble(text: string): void },
): OpenedJudges {
  const { contentDirs, emit, clock, onTrouble } = surroundings
  const yara = openYara(contentDirs, (reason) => onTrouble(`files are not looked into: no YARA engine (${reason})`))
  const judges: FileJudge[] = []
  if (options.clamd !== undefined) judges.push(clamavJudge(options.clamd))
  if (options.cape !== undefined) {
    const token = options.capeTokenFile === undefined ? {} : { token: readToken(options.capeTokenFile) }
    judges.push(capeJudge({ url: options.cape, allowPrivate: options.capeInside === true, clock, ...token }))
  }
  if (judges.length === 0) return { inspectFile: yara, settled: () => Promise.resolve() }
  const all = new FileJudges({ judges, emit, onTrouble })
  return { inspectFile: all.behind(yara), settled: () => all.settled() }
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new CodedError('NOT_FOUND', `${file} cannot be read: ${(cause as Error).message}`, { file }, { cause })
  }
}
