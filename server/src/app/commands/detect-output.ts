import { once } from 'node:events'
import { open } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { attackOf } from '../../detect/attack.ts'
import type { OfflineMatch } from '../../detect/offline.ts'
import { CodedError } from '../../event/errors.ts'
import { programVersion } from '../version.ts'

/** Takes matches one by one; `end` writes what a form writes last. */
export interface MatchOutput {
  match(match: OfflineMatch): Promise<void>
  end(): Promise<void>
}

export const outputForms = ['ndjson', 'table', 'csv', 'sarif'] as const
export type OutputForm = (typeof outputForms)[number]

export interface TextOutput {
  isTerminal: boolean
  write(text: string): Promise<void>
  close(): Promise<void>
}

/** Standard output, or a file; waits for a slow reader. Throws OUTPUT_UNWRITABLE. */
export async function openTextOutput(file: string | undefined): Promise<TextOutput> {
  const stream: Writable = file === undefined ? process.stdout : await openFile(file)
  let failure: Error | undefined
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that goes away (`| head`) ends the program quietly, as it does every tool of the shell.
    if (error.code === 'EPIPE') process.exit(0)
    failure = error
  })
  const check = () => {
    if (failure)
      throw new CodedError(
        'OUTPUT_UNWRITABLE',
        `${file ?? 'standard output'}: ${failure.message}`,
        {},
        { cause: failure },
      )
  }
  return {
    isTerminal: file === undefined && process.stdout.isTTY === true,
    async write(text) {
      check()
      if (!stream.write(text)) await once(stream, 'drain').catch(check)
    },
    async close() {
      check()
      if (file === undefined) return
      stream.end()
      await once(stream, 'close').catch(check)
      check()
    },
  }
}

async function openFile(file: string): Promise<Writable> {
  try {
    return (await open(file, 'w')).createWriteStream()
  } catch (cause) {
    throw new CodedError(
      'OUTPUT_UNWRITABLE',
      `${file} cannot be written: ${(cause as Error).message}`,
      { file },
      { cause },
    )
  }
}

export function createMatchOutput(form: OutputForm, output: TextOutput): MatchOutput {
  if (form === 'table') return tableOutput(output)
  if (form === 'csv') return csvOutput(output)
  return form === 'sarif' ? sarifOutput(output) : linesOutput(output)
}

const nothing = async () => undefined

function linesOutput(output: TextOutput): MatchOutput {
  return {
    match: ({ rule, event, file, matched, counted }) =>
      output.write(
        `${JSON.stringify({
          'rule.id': rule.id,
          'rule.title': rule.title,
          'rule.level': rule.level,
          'rule.author': rule.author,
          'rule.tags': rule.tags,
          'event.index': event.index,
          '@timestamp': event.timestamp,
          file,
          matched,
          counted,
        })}\n`,
      ),
    end: nothing,
  }
}

const colours: Record<string, string> = { critical: '1;31', high: '31', medium: '33', low: '36', informational: '2' }

/** Colours are for eyes: files and pipes get none. */
export function coloured(level: string, text: string, isTerminal: boolean): string {
  return isTerminal ? `\u001b[${colours[level] ?? '0'}m${text}\u001b[0m` : text
}

function tableOutput(output: TextOutput): MatchOutput {
  let isFirst = true
  return {
    async match({ rule, event, file }) {
      if (isFirst) await output.write(`${row('time', 'level'.padEnd(13), 'event', 'rule', 'file')}\n`)
      isFirst = false
      const level = coloured(rule.level, rule.level.padEnd(13), output.isTerminal)
      await output.write(
        `${row(event.timestamp ?? '', level, String(event.index), printable(rule.title), printable(file))}\n`,
      )
    },
    end: nothing,
  }
}

function row(time: string, level: string, index: string, title: string, file: string): string {
  return `${time.padEnd(24)}  ${level}  ${index.padStart(8)}  ${title.padEnd(60)}  ${file}`
}

/** What an attacker wrote into a log must not move the cursor of the terminal that shows it. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) =>
    character === '\n' || character === '\r' || character === '\t'
      ? ' '
      : `\\u{${character.codePointAt(0)!.toString(16)}}`,
  )
}

const csvColumns = [
  'timestamp', 'level', 'rule_title', 'rule_id', 'rule_author', 'tactics', 'techniques', 'host', 'channel', 'event_id', 'record_id', 'user',
  'details', 'file', 'event_index',
] // biome-ignore format: a list

function csvOutput(output: TextOutput): MatchOutput {
  let isFirst = true
  const head = async () => {
    // Spreadsheets on Windows take a file without this mark for a local encoding.
    if (isFirst) await output.write(`\ufeff${csvColumns.join(',')}\r\n`)
    isFirst = false
  }
  return {
    async match(match) {
      await head()
      const { rule, event, seen, file } = match
      const { tactics, techniques } = attackOf(rule.tags)
      const cells = [
        event.timestamp ?? '', rule.level, rule.title, rule.id, rule.author ?? '', tactics.join(' '), techniques.join(' '), seen.host ?? '',
        seen.channel ?? '', seen.eventId ?? '', seen.recordId ?? '', seen.user ?? '', details(match), file, String(event.index),
      ] // biome-ignore format: a list
      await output.write(`${cells.map(csvCell).join(',')}\r\n`)
    },
    end: head,
  }
}

/** RFC 4180; a cell that a spreadsheet would run as a formula is led by an apostrophe. */
function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

const headFields = new Set(['host', 'channel', 'eventId', 'recordId'])

/** `user: x ¦ process: y`: what an event tells besides its place, else what made the rule match. */
export function details({ seen, matched }: OfflineMatch): string {
  const shown = Object.entries(seen).filter(([name]) => !headFields.has(name))
  const pairs = shown.length > 0 ? shown : matched.map(({ field, value }): [string, string] => [field, value])
  return pairs.map(([name, value]) => `${name}: ${printable(value)}`).join(' ¦ ')
}

const sarifLevels: Record<string, string> = {
  critical: 'error',
  high: 'error',
  medium: 'warning',
  low: 'note',
  informational: 'note',
}
const severities: Record<string, string> = {
  critical: '9.5',
  high: '8.0',
  medium: '5.5',
  low: '3.0',
  informational: '1.0',
}

/** SARIF 2.1.0 (OASIS), one run. Results are written as they come; the rules they refer to by index stand after them. */
function sarifOutput(output: TextOutput): MatchOutput {
  const rules = new Map<string, { index: number; rule: OfflineMatch['rule'] }>()
  let isFirst = true
  const open = async () => {
    if (!isFirst) return
    isFirst = false
    await output.write(
      '{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{"columnKind":"utf16CodeUnits","results":[\n',
    )
  }
  return {
    async match(match) {
      const { rule, event, file, seen } = match
      const separator = isFirst ? '' : ',\n'
      await open()
      const known = rules.get(rule.id) ?? { index: rules.size, rule }
      rules.set(rule.id, known)
      const result = {
        ruleId: rule.id,
        ruleIndex: known.index,
        level: sarifLevels[rule.level] ?? 'warning',
        message: { text: `${rule.title}${event.timestamp ? ` (${event.timestamp})` : ''}: ${details(match)}` },
        locations: [
          {
            physicalLocation: { artifactLocation: { uri: encodeURI(file) }, region: { startLine: event.index + 1 } },
            ...(seen.host === undefined ? {} : { logicalLocations: [{ name: seen.host, kind: 'resource' }] }),
          },
        ],
        properties: { timestamp: event.timestamp, eventIndex: event.index, ...seen },
      }
      await output.write(`${separator}${JSON.stringify(result)}`)
    },
    async end() {
      await open()
      const described = [...rules.values()].map(({ rule }) => ({
        id: rule.id,
        name: rule.title,
        shortDescription: { text: rule.title },
        defaultConfiguration: { level: sarifLevels[rule.level] ?? 'warning' },
        properties: { tags: rule.tags, 'security-severity': severities[rule.level] ?? '5.5' },
      }))
      const driver = { name: 'Watchfire', semanticVersion: programVersion, rules: described }
      await output.write(`\n],"tool":{"driver":${JSON.stringify(driver)}}}]}\n`)
    },
  }
}
