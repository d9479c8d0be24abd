import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { shippedContentDir } from '../config/content-dir.ts'
import { type Analytic, loadAnalytics } from '../detect/analytics/definition.ts'
import { attackOf } from '../detect/attack.ts'
import { type HealthRule, healthRules } from '../detect/health/rules.ts'
import { type IntelRule, intelRules } from '../detect/intel/rules.ts'
import { readRulePaths } from '../detect/load.ts'
import { readRuleFolders } from '../detect/rule-folder.ts'
import {
  keyOf,
  openRuleLibrary,
  type RuleLibrary,
  storedFile,
  storedPrefix,
  trialMark,
} from '../detect/rule-library.ts'
import { chineseTitle, ownWord } from '../detect/rule-words.ts'
import type { CorrelationDocument, DetectionDocument, Logsource, SigmaDocument } from '../detect/sigma/document.ts'
import { entriesOf, type Lookups, loadLookups, selects } from '../detect/sigma/logsource.ts'
import { type ParsedFile, parseSigma, type RefusedDocument } from '../detect/sigma/parse.ts'
import { refusalTable } from '../detect/sigma/refusal.ts'
import { scalarText, type YamlValue } from '../detect/sigma/yaml.ts'
import type { Event, Fields, Severity } from '../event/event.ts'
import { loadParsers } from '../normalise/load.ts'
import type { Parser } from '../normalise/parser.ts'
import type { RuleOrigin, StoredSamples } from '../seams/store/schema/rules.ts'
import type { Database } from '../seams/store/store.ts'
import { loadRuleTexts, type RuleTexts } from '../state/rules/load-texts.ts'
import { captureScenarios } from '../traffic/sample-capture.ts'

/** A rule as its file tells it. */
export interface RuleEntry {
  id: string
  /** Shipped with the program or lying in the content folder, the operator's own, an edited copy of a shipped one, imported. */
  origin: 'shipped' | RuleOrigin
  /** In force, on trial only, or neither. */
  stage: 'live' | 'test' | 'draft'
  /** Id of the stored rule, or of the first document of the file, whose text it stands in. */
  textId: string
  collectionId: number | null
  title: string
  description: string
  severity: Severity
  status: string
  author: string | null
  /** A Sigma detection, a Sigma correlation, what fires on indicators, a scheduled detection over history, or what the platform finds out about itself. */
  kind: 'detection' | 'correlation' | 'intel' | 'analytic' | 'health'
  /** Types of indicator it fires on; empty for Sigma rules. */
  indicatorTypes: string[]
  logsource: { category: string | null; product: string | null; service: string | null }
  techniques: string[]
  tactics: string[]
  yaml: string
  falsePositives: string[]
  references: string[]
  /** Names of fields it reads, as written. */
  fields: string[]
  /** Ids of the rules a correlation is made of. */
  parts: string[]
  titleZh: string | null
  descriptionZh: string | null
  /** What it does not see, and what to do when it fires. */
  misses: { zh: string; en: string }
  steps: { zh: string[]; en: string[] }
  samples: StoredSamples
  /** A field without which it cannot fire and that no event of its log source has. */
  missingField: string | null
  /** Why it was refused; empty for a rule that runs. */
  problems: string[]
}

export interface ParserEntry {
  name: string
  title: { zh: string; en: string }
  generic: boolean
}

export interface ShippedText {
  yaml: string
  samples: RuleEntry['samples']
}

/** Detection knowledge: the content folders and the operator's rules. */
export interface RuleBook {
  rules: ReadonlyMap<string, RuleEntry>
  /** Rules of the store with their texts, by id. */
  stored: ReadonlyMap<string, RuleTexts>
  /** Texts of rule files, by the id of their first document. */
  shippedTexts: ReadonlyMap<string, ShippedText>
  library: RuleLibrary
  lookups: Lookups
  fullParsers: readonly Parser[]
  parsers: readonly ParserEntry[]
  analytics: readonly Analytic[]
  /** Fields whose values tell of what logsource an event is. */
  routingFields: readonly string[]
  /** Logsources of events with such values. */
  logsourcesOf(combinations: readonly Fields[]): Logsource[]
}

/** Opens the book as it is now: what the content folders and the store hold. Cheap when nothing has changed. */
export type OpenRuleBook = () => Promise<RuleBook>

/** The folders are read once, at first use; the store is asked every time for what changed. */
export function createRuleBook(config: Pick<Config, 'contentDir'>, database: Database): OpenRuleBook {
  let opened: ReturnType<typeof openShelf> | undefined
  let turn: Promise<unknown> = Promise.resolve()
  return () => {
    opened ??= openShelf(config)
    const shelf = opened
    const result = turn.then(() => shelf.refresh(database))
    turn = result.catch(() => undefined)
    return result
  }
}

function openShelf(config: Pick<Config, 'contentDir'>) {
  const folders = [shippedContentDir(), ...(config.contentDir ? [config.contentDir] : [])]
  const lookups = loadLookups(folders[0]!)
  const ruleRoots = folders.filter((folder) => existsSync(join(folder, 'rules')))
  const files = readRulePaths(ruleRoots.map((folder) => join(folder, 'rules')))
  const library = openRuleLibrary(files, lookups.knownFields)
  const byFile = new Map(
    ruleRoots.flatMap((dir) => readRuleFolders(dir, captureScenarios)).map((folder) => [folder.file, folder]),
  )
  const analytics = loadAnalytics(folders)
  const shippedTexts = new Map<string, ShippedText>()
  const textIds = new Map<string, string>()
  for (const file of files) {
    const textId = keyOf(file)
    const folder = byFile.get(file.documents[0]?.source.file ?? '')
    if (textId === undefined || !folder) continue
    shippedTexts.set(textId, { yaml: folder.yaml, samples: { fires: folder.fires, silent: folder.silent } })
    textIds.set(folder.file, textId)
  }
  const { parsers } = loadParsers(folders)
  const stored = new Map<string, RuleTexts>()
  const drafts = new Map<string, { text: string; file: ParsedFile }>()
  const entries = new WeakMap<SigmaDocument, RuleEntry>()
  let revision = 0
  let book = bookOf()

  /** Where the documents of a file of the set come from. */
  function originOf(file: string): Origin {
    const ruleId = file.startsWith(storedPrefix) ? file.slice(storedPrefix.length) : undefined
    if (ruleId === undefined) {
      const folder = byFile.get(file)
      const samples = { fires: folder?.fires ?? [], silent: folder?.silent ?? [] }
      const textId = textIds.get(file) ?? ''
      const origin = stored.has(textId) ? 'override' : 'shipped'
      return { origin, stage: 'live', textId, collectionId: null, yaml: folder?.yaml ?? '', samples }
    }
    const { rule, live, headSamples } = stored.get(ruleId)!
    const { origin, collectionId } = rule
    return { origin, stage: 'live', textId: ruleId, collectionId, yaml: live ?? '', samples: headSamples }
  }

  function draftEntries({ rule, trial, head, headSamples }: RuleTexts): RuleEntry[] {
    const text = trial?.text ?? head
    let draft = drafts.get(rule.id)
    if (draft?.text !== text) {
      draft = { text, file: parseSigma(text, storedFile(rule.id)) }
      drafts.set(rule.id, draft)
    }
    const { file } = draft
    const origin: Origin = {
      ...{ origin: rule.origin, stage: trial === null ? 'draft' : 'test', textId: rule.id, yaml: text },
      ...{ collectionId: rule.collectionId, samples: headSamples },
    }
    const made = file.documents.flatMap((document) =>
      document.kind === 'filter' ? [] : [entryOf(document, [], origin)],
    )
    if (made.length > 0) return made
    return [refusedEntry(file.refused[0] ?? nothingToRefuse(rule.id), origin, rule.id)]
  }

  function bookOf(): RuleBook {
    const { set } = library
    const running = [
      ...set.rules.map(({ document, missingField }) => ({ document, parts: [] as string[], missingField })),
      ...set.correlations.map(({ document, rules }) => ({ document, parts: [...rules], missingField: undefined })),
    ]
    const known = new Map<string, RuleEntry>()
    for (const { document, parts, missingField } of running) {
      if (document.staged) continue
      const origin = originOf(document.source.file)
      const before = entries.get(document)
      const isSame =
        before?.origin === origin.origin && before.yaml === origin.yaml && before.samples === origin.samples
      const entry = isSame ? before : entryOf(document, parts, origin, missingField)
      entries.set(document, entry)
      known.set(entry.id, entry)
    }
    for (const entry of [
      ...intelRules.map(intelEntry),
      ...analytics.map(analyticEntry),
      ...healthRules.map(healthEntry),
    ])
      known.set(entry.id, entry)
    for (const refused of set.refused) {
      if (refused.file.endsWith(trialMark)) continue
      const origin = originOf(refused.file)
      const id = origin.origin === 'shipped' ? refused.id || refused.file : origin.textId
      if (!known.has(id)) known.set(id, refusedEntry(refused, origin, id))
    }
    for (const texts of stored.values())
      if (texts.live === null)
        for (const entry of draftEntries(texts)) if (!known.has(entry.id)) known.set(entry.id, entry)
    return {
      rules: known,
      stored,
      shippedTexts,
      library,
      lookups,
      fullParsers: parsers,
      parsers: parsers.map(({ name, title, isGeneric }) => ({ name, title, generic: isGeneric })),
      analytics,
      routingFields: lookups.routingFields,
      logsourcesOf: (combinations) => logsourcesOf(combinations, lookups),
    }
  }

  async function refresh(database: Database): Promise<RuleBook> {
    let changed = false
    for await (const texts of loadRuleTexts(database, revision)) {
      await library.replace(texts.map(({ rule, live, trial }) => ({ ruleId: rule.id, live, trial })))
      for (const one of texts) {
        if (one.isRemoved) stored.delete(one.rule.id)
        else stored.set(one.rule.id, one)
        if (one.isRemoved || one.live !== null) drafts.delete(one.rule.id)
      }
      revision = texts.at(-1)!.rule.revision
      changed = true
    }
    if (changed) book = bookOf()
    return book
  }
  return { refresh }
}

/** What an entry is told beside its document. */
type Origin = Pick<RuleEntry, 'origin' | 'stage' | 'textId' | 'collectionId' | 'yaml' | 'samples'>

function nothingToRefuse(file: string): RefusedDocument {
  const message = 'The text holds no rule'
  return { file, id: '', title: '', reason: 'structure', message, hint: refusalTable.structure, line: 1, column: 1 }
}

/** True when some event of these logsources is one the rule looks at. */
export function looksAt(rule: RuleEntry, logsources: readonly Logsource[]): boolean {
  const wanted = Object.fromEntries(Object.entries(rule.logsource).filter(([, value]) => value !== null)) as Logsource
  return logsources.some((entry) => selects(wanted, entry))
}

function logsourcesOf(combinations: readonly Fields[], lookups: Lookups): Logsource[] {
  const found = new Map<string, Logsource>()
  for (const fields of combinations) {
    for (const { product, category, service } of entriesOf({ fields } as Event, lookups)) {
      found.set(JSON.stringify([product, category, service]), { product, category, service })
    }
  }
  return [...found.values()]
}

function entryOf(
  document: DetectionDocument | CorrelationDocument,
  parts: string[],
  origin: Origin,
  missingField?: string,
): RuleEntry {
  const { id, title, description = '', level, status = '', author = null, references, falsePositives } = document
  const logsource = document.kind === 'detection' ? document.logsource : {}
  return {
    ...{ id, title, description, severity: level, status, author, kind: document.kind },
    logsource: {
      category: logsource.category ?? null,
      product: logsource.product ?? null,
      service: logsource.service ?? null,
    },
    ...attackOf(document.tags),
    ...{ references, falsePositives, problems: [], indicatorTypes: [], missingField: missingField ?? null },
    ...origin,
    fields: document.kind === 'detection' ? fieldNames([...document.identifiers.values()]) : [],
    parts,
    ...ownWords(document),
  }
}

function refusedEntry({ title, file, message, hint, line }: RefusedDocument, origin: Origin, id: string): RuleEntry {
  return {
    ...{ id, title: title || file, description: '', severity: 'informational', status: 'refused' },
    ...{ author: null, kind: 'detection', techniques: [], tactics: [], references: [], falsePositives: [] },
    ...{
      fields: [],
      parts: [],
      indicatorTypes: [],
      missingField: null,
      titleZh: null,
      descriptionZh: null,
    },
    ...{ misses: { zh: '', en: '' }, steps: { zh: [], en: [] } },
    logsource: { category: null, product: null, service: null },
    ...origin,
    problems: [`line ${line}: ${message}. ${hint}`],
  }
}

/** Chinese words of a rule of ours, what it misses, what to do. */
function ownWords(document: DetectionDocument | CorrelationDocument) {
  const text = (...path: string[]) => {
    const value = ownWord(document, ...path)
    return value === undefined ? '' : scalarText(value)
  }
  const list = (...path: string[]) => {
    const value = ownWord(document, ...path)
    return Array.isArray(value) ? value.map(scalarText) : []
  }
  return {
    titleZh: chineseTitle(document) ?? null,
    descriptionZh: text('description') || null,
    misses: { zh: text('misses', 'zh'), en: text('misses', 'en') },
    steps: { zh: list('steps', 'zh'), en: list('steps', 'en') },
  }
}

/** Rules that are no files: what fires on indicators. Severity is the indicator's own; this one is its default. */
function intelEntry({ kinds, ...words }: IntelRule): RuleEntry {
  return {
    ...words,
    ...{ severity: 'high', status: 'stable', author: 'Watchfire', kind: 'intel', indicatorTypes: kinds, yaml: '' },
    ...{ techniques: [], tactics: [], references: [], falsePositives: [], parts: [], problems: [], missingField: null },
    logsource: { category: null, product: null, service: null },
    samples: { fires: [], silent: [] },
    ...{ origin: 'shipped', stage: 'live', textId: words.id, collectionId: null },
  }
}

/** A scheduled detection over history, as the list of rules shows it; its text is the SQL. */
function analyticEntry(analytic: Analytic): RuleEntry {
  const { id, title, titleZh, description, descriptionZh, severity, misses, steps, fields, falsePositives } = analytic
  const { category = null, product = null, service = null } = analytic.logsource
  return {
    ...{ id, title, titleZh, description, descriptionZh, severity, misses, steps, fields, falsePositives },
    ...{ status: 'stable', author: 'Watchfire', kind: 'analytic', yaml: analytic.sql, ...attackOf(analytic.tags) },
    ...{ references: [], parts: [], problems: [], indicatorTypes: [], missingField: null },
    logsource: { category, product, service },
    samples: { fires: [], silent: [] },
    ...{ origin: 'shipped', stage: 'live', textId: id, collectionId: null },
  }
}

/** What the platform tells about itself: it needs no source. */
function healthEntry(words: HealthRule): RuleEntry {
  return {
    ...words,
    ...{ status: 'stable', author: 'Watchfire', kind: 'health', indicatorTypes: [], yaml: '', fields: [] },
    ...{ techniques: [], tactics: [], references: [], falsePositives: [], parts: [], problems: [], missingField: null },
    logsource: { category: null, product: null, service: null },
    samples: { fires: [], silent: [] },
    ...{ origin: 'shipped', stage: 'live', textId: words.id, collectionId: null },
  }
}

/** Keys of the maps of a detection, without their modifiers. */
function fieldNames(values: readonly YamlValue[]): string[] {
  const names = new Set<string>()
  const visit = (value: YamlValue): void => {
    if (Array.isArray(value)) value.forEach(visit)
    else if (value instanceof Map) {
      for (const key of value.keys()) if (!key.startsWith('|') && key !== '') names.add(key.split('|', 1)[0]!)
    }
  }
  values.forEach(visit)
  return [...names]
}
