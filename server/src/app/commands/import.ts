import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import type { Command } from 'commander'
import { isCapture } from '../../collect/file/format.ts'
import { importFile } from '../../collect/file/import.ts'
import { jsonSequenceType, recordSeparator } from '../../collect/http/lines.ts'
import type { Config } from '../../config/config.ts'
import { CodedError, type ErrorCode, errorTable } from '../../event/errors.ts'
import type { RawRecord } from '../../event/raw-record.ts'
import { createProgress } from '../../lib/progress.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { systemActor } from '../../state/actor.ts'
import { createToken } from '../../state/tokens/create.ts'
import { revokeToken } from '../../state/tokens/revoke.ts'
import { rootUnitId } from '../../state/units/unit.ts'
import { openYara } from '../../traffic/files/yara.ts'
import { captureBytes } from '../../traffic/read-capture.ts'
import type { InspectFile } from '../../traffic/stream/files.ts'
import { contentDirs } from '../content.ts'
import { firstAccountLines } from '../first-accounts.ts'
import { runningInstance } from '../instance.ts'
import { createLogger } from '../logger.ts'
import { startPlatform } from '../platform.ts'
import { programVersion } from '../version.ts'
import { withStore } from '../with-store.ts'

const dayMs = 86_400_000
const drainPollMs = 200
/** Threads tell their counters once a second: only a backlog that stays empty for longer is empty. */
const drainedForMs = 2_500

/**
 * `watchfire import FILE...`: reads log files into the running instance, or into its data when none runs. A file that
 * was imported before, or in part, stores nothing twice.
 */
export function importCommand(program: Command, config: () => Config): void {
  program
    .command('import <file...>')
    .description(
      'takes log files in (text, NDJSON, JSON, CSV, Zeek, EVTX, event XML; gzip or not) and shows the progress',
    )
    .option('--source <name>', 'name of the source; the file name unless given')
    .action(async (files: string[], options: { source?: string }) => {
      for (const file of files) await requireFile(file)
      const settings = config()
      if (runningInstance(settings.dataDir)) await importIntoRunning(settings, files, options.source)
      else await importIntoData(settings, files, options.source)
    })
}

async function requireFile(file: string): Promise<void> {
  const facts = await stat(file).catch(() => undefined)
  if (!facts?.isFile()) throw new CodedError('NOT_FOUND', `${file} is not a file that can be read`, { file })
}

async function importIntoRunning(config: Config, files: string[], source: string | undefined): Promise<void> {
  const url = runningInstance(config.dataDir)?.httpUrl
  if (!url) throw new CodedError('INSTANCE_RUNNING', `the instance in ${config.dataDir} is still starting`)
  const actor = systemActor('import')
  const { token, record } = await withStore(config, (database) =>
    createToken(
      { database, clock: systemClock, actor },
      { name: 'import', permissions: ['ingest'], unitId: rootUnitId, expiresAt: new Date(systemClock.now() + dayMs) },
    ),
  )
  const inspectFile = openYara(contentDirs(config), tellUnscanned)
  try {
    for (const file of files) await importOne(url, token, file, source, inspectFile)
  } finally {
    await withStore(config, (database) => revokeToken({ database, clock: systemClock, actor }, { id: record.id }))
  }
}

/** No instance runs: one is started for the import, on ports of its own, and ended when all is stored. */
async function importIntoData(config: Config, files: string[], source: string | undefined): Promise<void> {
  const quiet = { ...config, httpPort: 0, syslogPort: 0, bind: '127.0.0.1' }
  const logger = createLogger({ logLevel: 'error' }, 'import')
  const platform = await startPlatform(quiet, { logger, clock: systemClock, version: programVersion })
  for (const line of firstAccountLines(platform.firstAccounts)) console.log(line)
  const inspectFile = openYara(contentDirs(config), tellUnscanned)
  try {
    const token = await platform.issueToken(systemActor('import'), ['ingest'])
    for (const file of files) await importOne(platform.httpUrl, token, file, source, inspectFile)
    for (let emptyMs = 0; emptyMs < drainedForMs; emptyMs = platform.backlog() > 0 ? 0 : emptyMs + drainPollMs) {
      await systemClock.sleep(drainPollMs)
    }
  } finally {
    await platform.stop()
  }
}

async function importOne(
  url: string,
  token: string,
  file: string,
  source: string | undefined,
  inspectFile: InspectFile | undefined,
): Promise<void> {
  const { size } = await stat(file)
  const bar = createProgress(process.stderr, basename(file), size, () => systemClock.now())
  const name = source ?? basename(file)
  const result = await importFile(file, {
    source: name,
    clock: systemClock,
    send: (records, key) => send(`${url}/api/v1/ingest/${encodeURIComponent(name)}`, token, records, key),
    inspectFile,
    onWarning: (text) => console.error(text),
    onProgress: (progress) => bar.update(progress.fileBytesDone, `${progress.records} records`),
  })
  bar.update(size, `${result.records} records`)
  bar.done()
  console.log(`${file}: ${result.records} records`)
  await keepPackets(`${url}/api/v1/packets/${encodeURIComponent(name)}`, token, file)
}

function tellUnscanned(reason: string): void {
  console.error(`files in captures are not looked into: no YARA engine (${reason})`)
}

/** The packets of a capture go to the platform too, so that those of a conversation can be got there. */
async function keepPackets(url: string, token: string, file: string): Promise<void> {
  let isFirst = true
  for await (const head of captureBytes(file)) {
    isFirst = false
    if (!isCapture(Buffer.from(head))) return
    break
  }
  if (isFirst) return
  const hash = createHash('sha256')
  for await (const bytes of captureBytes(file)) hash.update(bytes)
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/octet-stream',
      'idempotency-key': hash.digest('hex'),
    },
    body: Readable.from(captureBytes(file)) as unknown as RequestInit['body'],
    duplex: 'half',
  } as RequestInit).catch((cause: unknown) => {
    throw new CodedError('STORE_UNAVAILABLE', `${url} does not answer`, {}, { cause })
  })
  if (!response.ok) throw await refusalOf(response)
  const { packets, alreadyKept } = (await response.json()) as { packets: number; alreadyKept: boolean }
  console.log(`${file}: ${packets} packets ${alreadyKept ? 'are kept already' : 'kept'}`)
}

/** Sends one chunk; a refusal comes back as the coded error the server gave. */
async function send(url: string, token: string, records: RawRecord[], key: string): Promise<void> {
  const separator = Buffer.of(recordSeparator)
  const lineFeed = Buffer.from('\n')
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': jsonSequenceType,
      'idempotency-key': key.slice(0, 200),
    },
    body: Buffer.concat(records.flatMap((record) => [separator, record.body, lineFeed])),
  }).catch((cause: unknown) => {
    throw new CodedError('STORE_UNAVAILABLE', `${url} does not answer`, {}, { cause })
  })
  if (!response.ok) throw await refusalOf(response)
}

async function refusalOf(response: Response): Promise<CodedError> {
  const { error } = (await response.json()) as { error: { code: string; message: string } }
  return new CodedError(error.code in errorTable ? (error.code as ErrorCode) : 'INTERNAL', error.message)
}
