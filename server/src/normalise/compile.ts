import { enrichedPrefixes, fieldType, isVendorField } from '../event/catalogue.ts'
import { Level } from './flatten.ts'
import { joinAudit, readAudit } from './formats/audit.ts'
import { type DeviceEvent, readCef, readLeef } from './formats/cef.ts'
import { readSeparatedValues } from './formats/csv.ts'
import { readEmbeddedJson } from './formats/embedded-json.ts'
import { readPairs, type Separator } from './formats/key-value.ts'
import { readZeekTsv } from './formats/zeek-tsv.ts'
import { prepareFunctions } from './functions/prepare.ts'
import type { ContentShape, Parser } from './parser.ts'
import type { formats, ParserFile } from './parser-file.ts'
import { ParserProblem } from './problem.ts'
import { compileRecogniser } from './recogniser.ts'
import { NotUnderstood, type Run, type SourceValues, type Step } from './run.ts'
import { createSetter, type Setter } from './setter.ts'
import { compileSet, compileSteps, compileTarget, compileTime, type LookupTables } from './steps.ts'
import { runStoreFor } from './store-field.ts'
import { createReader } from './value.ts'

type Format = (typeof formats)[number]

/** Below this confidence a parser is generic: any better one is preferred. */
const genericBelow = 30

/** Makes a parser of a validated parser file; throws a ParserProblem with the place of the first mistake. */
export function compileParser(file: ParserFile, tables: LookupTables): Parser {
  const fileFormats = Array.isArray(file.format) ? file.format : [file.format]
  if (file.keep !== undefined && !isVendorField(`${file.keep}.x`)) {
    throw new ParserProblem(['keep'], `${file.keep}. is not one of the vendor prefixes of the field catalogue`)
  }
  const prepare = file.prepare === undefined ? undefined : prepareFunctions[file.prepare]
  if (file.prepare !== undefined && !prepare) {
    throw new ParserProblem(
      ['prepare'],
      `there is no function ${file.prepare}; there are ${Object.keys(prepareFunctions).join(', ')}`,
    )
  }
  const steps = compileApplication(file, tables)
  const readers = fileFormats.map((format) => ({ shape: shapeFor(format), read: formatReader(format, file) }))
  return {
    name: file.name,
    title: file.title,
    programs: file.programs ?? [],
    shapes: new Set(readers.map((reader) => reader.shape)),
    recognisers: (file.recognise ?? []).map((recogniser, index) =>
      compileRecogniser(recogniser, file, ['recognise', index]),
    ),
    confidence: file.confidence,
    isGeneric: file.confidence < genericBelow,
    aliases: aliasesOf(file),
    read(run) {
      let reason = `not ${fileFormats.join(' or ')}`
      for (const { shape, read } of readers) {
        if (shape === 'json' && run.text.charCodeAt(0) !== 123) continue
        const source = read(run)
        if (source) {
          run.source = source
          return
        }
        if (shape === 'json') reason = 'the JSON is malformed or cut'
      }
      throw new NotUnderstood(reason)
    },
    apply(run) {
      if (run.isPreamble) {
        run.fields['event.dataset'] = `${file.name}.header`
        run.fields['event.kind'] = 'state'
        run.fields.message = run.text
        return
      }
      prepare?.(run)
      for (const step of steps) step(run)
    },
  }
}

/** What is done with the values: constants, the map, the time, the message, the steps, the dataset. */
function compileApplication(file: ParserFile, tables: LookupTables): Step[] {
  const steps: Step[] = []
  // A template whose name has no value leaves the constant part.
  const fallback = file.dataset.includes('{')
    ? `${file.dataset.slice(0, file.dataset.indexOf('{'))}unknown`
    : file.dataset
  steps.push(compileSet({ 'event.dataset': fallback, 'event.kind': 'event' }, ['dataset']))
  if (fallback !== file.dataset) steps.push(compileSet({ 'event.dataset': file.dataset }, ['dataset']))
  if (file.set) steps.push(compileSet(file.set, ['set']))
  if (file.map || file.keep !== undefined || file.ecs) {
    const map = new Map<string, Setter[]>()
    for (const [name, target] of Object.entries(file.map ?? {}))
      map.set(name, compileTarget(target, tables, ['map', name]))
    const level = new Level({
      settersOf: (path) => map.get(path) ?? (file.ecs && isPassed(path) ? [createSetter(path, [])] : []),
      isMapped: (path) => map.has(path),
      prefix: file.keep,
      keepMapped: file.keepMapped,
      dropped: new Set([
        ...file.drop,
        ...(file.time ?? []).flatMap((names) => names.split('+').map((name) => name.trim())),
      ]),
    })
    steps.push((run) => level.apply(run.source, run))
  }
  if (file.time) steps.push(compileTime(file.time))
  steps.push(compileMessage(file))
  if (file.steps) steps.push(compileSteps(file.steps, tables, ['steps']))
  return steps
}

/** Names a record may carry under their own: those of the catalogue that no later stage answers for. */
function isPassed(path: string): boolean {
  return fieldType(path) !== undefined && !enrichedPrefixes.some((prefix) => path.startsWith(prefix))
}

function compileMessage(file: ParserFile): Step {
  const store = runStoreFor('message')
  if (file.message) {
    const readers = file.message.map(createReader)
    return (run) => {
      for (const read of readers) {
        const value = read(run)
        if (typeof value === 'string' && value !== '') {
          store(run, value)
          return
        }
      }
    }
  }
  const format = Array.isArray(file.format) ? file.format[0]! : file.format
  if (format !== 'text' && format !== 'pairs' && format !== 'csv') return () => {}
  return (run) => store(run, run.text)
}

function shapeFor(format: Format): ContentShape {
  return format === 'json' ? 'json' : 'text'
}

/** The function that reads content of one format into values; it answers undefined when the content is not of it. */
function formatReader(format: Format, file: ParserFile): (run: Run) => SourceValues | undefined {
  switch (format) {
    case 'text':
      return () => ({})
    case 'json':
      return (run) => run.json()
    case 'pairs':
      return (run) => readPairs(run.text, (file.separator as Separator | undefined) ?? 'auto', file.assign)
    case 'cef':
      return (run) => deviceValues(readCef(run.text))
    case 'leef':
      return (run) => deviceValues(readLeef(run.text))
    case 'csv': {
      const columns = file.columns
      if (!columns) throw new ParserProblem(['format'], 'csv needs `columns`')
      return (run) => readSeparatedValues(run.text, file.separator ?? ',', columns)
    }
    case 'zeek-tsv':
      return readZeekTsv
    case 'audit':
      return (run) => {
        const record = readAudit(run.text)
        if (!record) return undefined
        run.timeMs = record.timeMs
        run.auditRecord = record
        return joinAudit([record])
      }
    case 'embedded-json':
      return (run) => readEmbeddedJson(run.text)
  }
}

function deviceValues(event: DeviceEvent | undefined): SourceValues | undefined {
  if (!event) return undefined
  const { extensions, ...device } = event
  return { device, extensions }
}

function aliasesOf(file: ParserFile): Map<string, string> {
  const aliases = new Map<string, string>()
  for (const [name, target] of Object.entries(file.map ?? {})) {
    const to = typeof target === 'object' && !Array.isArray(target) ? target.to : target
    const first = Array.isArray(to) ? to[0] : to
    if (first !== undefined && !first.startsWith('~')) aliases.set(name, first)
  }
  return aliases
}
