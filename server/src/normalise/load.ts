import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Document, LineCounter, parseDocument } from 'yaml'
import { compileParser } from './compile.ts'
import type { Parser } from './parser.ts'
import { type ParserFile, parserFileSchema } from './parser-file.ts'
import { type FilePath, ParserProblem } from './problem.ts'
import type { LookupTables } from './steps.ts'

/** A parser or lookup file that was refused; the others work on without it. */
export interface RefusedFile {
  file: string
  /** Counted from 1; 0 when the place is not known. */
  line: number
  reason: string
}

export interface LoadedParsers {
  parsers: Parser[]
  refused: RefusedFile[]
}

/**
 * Loads every `sources/<name>/parser.yml` and `lookups/*.yml` of the content folders; a later folder replaces parsers
 * and tables of the same name. A file with a mistake is refused with its place and the reason, and stops no other.
 */
export function loadParsers(contentDirs: readonly string[]): LoadedParsers {
  const refused: RefusedFile[] = []
  const tables = new Map<string, ReadonlyMap<string, unknown>>()
  for (const folder of contentDirs) {
    for (const name of list(join(folder, 'lookups'))) {
      // Tables of the rule engine (sigma-*) have their own loader.
      if (!name.endsWith('.yml') || name.startsWith('sigma-')) continue
      const table = loadTable(join(folder, 'lookups', name), refused)
      if (table) tables.set(name.slice(0, -4), table)
    }
  }
  const parsers = new Map<string, Parser>()
  for (const folder of contentDirs) {
    for (const name of list(join(folder, 'sources'))) {
      // Readme files and the like may stand beside the folders.
      if (!statSync(join(folder, 'sources', name), { throwIfNoEntry: false })?.isDirectory()) continue
      const file = join(folder, 'sources', name, 'parser.yml')
      if (!statSync(file, { throwIfNoEntry: false })?.isFile()) continue
      const parser = loadParser(file, tables, refused)
      if (parser) parsers.set(parser.name, parser)
    }
  }
  return { parsers: [...parsers.values()], refused }
}

function list(folder: string): string[] {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(folder).sort() : []
}

/** Reads and compiles one parser file; undefined when it was refused. */
function loadParser(file: string, tables: LookupTables, refused: RefusedFile[]): Parser | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    refused.push({ file, line: 0, reason: `it cannot be read: ${(error as Error).message}` })
    return undefined
  }
  return compileParserText(text, file, tables, refused)
}

/** Compiles the text of a parser file; problems are added to `refused`. */
export function compileParserText(
  text: string,
  file: string,
  tables: LookupTables,
  refused: RefusedFile[],
): Parser | undefined {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter })
  const mistake = document.errors[0]
  if (mistake) {
    refused.push({ file, line: lineCounter.linePos(mistake.pos[0]).line, reason: mistake.message.split('\n')[0]! })
    return undefined
  }
  const parsed = parserFileSchema.safeParse(document.toJS())
  if (!parsed.success) {
    for (const { path, reason } of deepestIssues(parsed.error.issues)) {
      refused.push({
        file,
        line: lineOf(document, path, lineCounter),
        reason: `${path.join('.') || 'file'}: ${reason}`,
      })
    }
    return undefined
  }
  try {
    return compileParser(parsed.data as ParserFile, tables)
  } catch (error) {
    if (!(error instanceof ParserProblem)) throw error
    const where = error.path.join('.')
    refused.push({ file, line: lineOf(document, error.path, lineCounter), reason: `${where}: ${error.message}` })
    return undefined
  }
}

interface Issue {
  code?: string | undefined
  path: PropertyKey[]
  message: string
  errors?: Issue[][]
}

/** Of the alternatives of a union the one that got furthest says what is wrong. */
function deepestIssues(issues: readonly unknown[], prefix: FilePath = []): { path: FilePath; reason: string }[] {
  return (issues as Issue[]).map((issue) => {
    const path = [...prefix, ...(issue.path as FilePath)]
    if (issue.code !== 'invalid_union' || !issue.errors) return { path, reason: issue.message }
    const candidates = issue.errors
      .filter((branch) => branch.length > 0)
      .map((branch) => deepestIssues(branch, path)[0]!)
    candidates.sort((left, right) => right.path.length - left.path.length)
    return candidates[0] ?? { path, reason: issue.message }
  })
}

function lineOf(document: Document, path: FilePath, lineCounter: LineCounter): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] } | undefined
    if (node?.range) return lineCounter.linePos(node.range[0]).line
  }
  return document.contents?.range ? lineCounter.linePos(document.contents.range[0]).line : 0
}

function loadTable(file: string, refused: RefusedFile[]): ReadonlyMap<string, unknown> | undefined {
  const document = parseDocument(readFileSync(file, 'utf8'))
  const value: unknown = document.errors.length > 0 ? undefined : document.toJS()
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refused.push({ file, line: 0, reason: document.errors[0]?.message.split('\n')[0] ?? 'a lookup table is a map' })
    return undefined
  }
  return new Map(Object.entries(value).map(([key, entry]) => [key.toLowerCase(), entry]))
}
