import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { keyOf } from '../../detect/rule-library.ts'
import type { CompileMemory } from '../../detect/sigma/compile.ts'
import type { Logsource } from '../../detect/sigma/document.ts'
import { selects } from '../../detect/sigma/logsource.ts'
import { type ParsedFile, parseSigma } from '../../detect/sigma/parse.ts'
import { compileRuleSet } from '../../detect/sigma/ruleset.ts'
import { type ImportedCollection, importCollection } from '../../state/rules/import-collection.ts'
import { ruleIdText, versionParts } from '../../state/rules/rule.ts'
import type { Context } from '../../state/write.ts'
import type { RuleBook } from '../rule-book.ts'
import type { JobTools } from './jobs.ts'
import { unzipRules } from './unzip.ts'

/** Files read before others have their turn. */
const filesAtOnce = 8
/** Lines of the report of one kind; the counts are whole. */
const shownMax = 500

export interface ImportInput {
  bytes: Buffer
  name: string
  fileName: string
  stage: 'draft' | 'test' | 'live'
  /** Log sources of events that came lately. */
  seen: readonly Logsource[]
}

interface Candidate {
  id: string
  path: string
  yaml: string
  file: ParsedFile
}

/**
 * Reads an archive of rules, keeps those that compile as a collection, and reports on all of them: what can fire here and what
 * cannot and why, what is there already, what was refused on which line. Throws IMPORT_DAMAGED, TOO_LARGE, FORBIDDEN.
 */
export async function importRules(context: Context, book: RuleBook, input: ImportInput, tools: JobTools) {
  const { bytes, name, fileName, stage, seen } = input
  const archive = await unzipRules(bytes, tools.signal)
  const total = archive.rules.length
  const report = createReport(archive.leftOut)
  const memory: CompileMemory = new WeakMap()
  const candidates = new Map<string, Candidate>()
  for (const [index, { path, text }] of archive.rules.entries()) {
    if (index % filesAtOnce === 0) await setImmediate()
    if (index % 200 === 0) await tools.progress(index, total * 2)
    const file = parseSigma(text, path)
    for (const { message, line, reason } of file.refused) report.refuse({ path, line, reason, message })
    const id = keyOf(file)
    if (id === undefined) {
      if (file.refused.length === 0) report.refuse({ path, line: 1, reason: 'structure', message: 'It holds no rule' })
      continue
    }
    if (!ruleIdText.safeParse(id).success) {
      report.refuse({ path, line: 1, reason: 'structure', message: `The id ${id.slice(0, 100)} is no usable id` })
      continue
    }
    const storable = versionParts.yaml.safeParse(text)
    if (!storable.success) {
      report.refuse({ path, line: 1, reason: 'limit', message: storable.error.issues[0]!.message })
      continue
    }
    const there = candidates.get(id)
    const shipped = book.shippedTexts.has(id) || (book.rules.has(id) && !book.stored.has(id))
    if (there || shipped) {
      report.duplicate({ path, id, of: there?.path ?? 'shipped' })
      continue
    }
    candidates.set(id, { id, path, yaml: text, file })
    compileRuleSet([file], { memory, knownFields: book.lookups.knownFields })
  }
  const sound = judge([...candidates.values()], memory, book, seen, report)
  await tools.progress(total, total * 2)
  const rules = sound.map(({ id, path, yaml }) => ({ id, path, yaml }))
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const imported = await importCollection(context, {
    ...{ name, fileName, sha256, licence: archive.licence, stage, rules },
  })
  for (const id of imported.taken) report.duplicate({ path: candidates.get(id)!.path, id, of: 'stored' })
  await tools.progress(total * 2, total * 2)
  return { ...report.told(), ...counted(imported), files: total, loaded: sound.length, licence: archive.licence }
}

/** Those that compile among the rules that run; why each of the others does not, and which of them can fire here. */
function judge(
  candidates: Candidate[],
  memory: CompileMemory,
  book: RuleBook,
  seen: readonly Logsource[],
  report: ReturnType<typeof createReport>,
): Candidate[] {
  const set = compileRuleSet(
    candidates.map(({ file }) => file),
    { memory, knownFields: book.lookups.knownFields },
  )
  const wrong = new Set<string>()
  const running = new Set(
    [...book.library.set.rules, ...book.library.set.correlations].map(({ document }) => document.id),
  )
  for (const { file, reason, line, message } of set.refused) {
    // A correlation may count rules that run already.
    if (reason === 'reference' && [...running].some((id) => message.includes(`\`${id}\``))) continue
    if (!wrong.has(file)) report.refuse({ path: file, line, reason, message })
    wrong.add(file)
  }
  for (const { document, missingField } of set.rules) {
    if (wrong.has(document.source.file)) continue
    const { logsource } = document
    const { product, service, category } = logsource
    const name = [product, service, category].filter(Boolean).join('/') || '—'
    if (missingField !== undefined) report.cannotFire(`${name} (${missingField})`)
    else if (seen.some((entry) => selects(logsource, entry))) report.canFire()
    else report.cannotFire(name)
  }
  return candidates.filter(({ path }) => !wrong.has(path))
}

interface Refused {
  path: string
  line: number
  reason: string
  message: string
}

function createReport(leftOut: { path: string; reason: string }[]) {
  const refused: Refused[] = leftOut.map(({ path, reason }) => ({ path, line: 1, reason: 'limit', message: reason }))
  const duplicates: { path: string; id: string; of: string }[] = []
  const absent = new Map<string, number>()
  let canFire = 0
  return {
    refuse: (one: Refused) => void refused.push(one),
    duplicate: (one: { path: string; id: string; of: string }) => void duplicates.push(one),
    canFire: () => {
      canFire++
    },
    cannotFire: (logsource: string) => void absent.set(logsource, (absent.get(logsource) ?? 0) + 1),
    told: () => ({
      canFire,
      cannotFire: [...absent]
        .map(([logsource, count]) => ({ logsource, count }))
        .sort((one, other) => other.count - one.count)
        .slice(0, shownMax),
      refusedCount: refused.length,
      refused: refused.slice(0, shownMax),
      duplicateCount: duplicates.length,
      duplicates: duplicates.slice(0, shownMax),
    }),
  }
}

function counted({ collectionId, added, changed, removed, unchanged, kept }: ImportedCollection) {
  const some = (ids: string[]) => ids.slice(0, shownMax)
  return {
    ...{ collectionId, unchanged, addedCount: added.length, changedCount: changed.length },
    ...{ removedCount: removed.length, keptCount: kept.length },
    ...{ changed: some(changed), removed: some(removed), kept: some(kept) },
  }
}
