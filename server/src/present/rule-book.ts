import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { shippedContentDir } from '../config/content-dir.ts'
import { type Analytic, loadAnalytics } from '../detect/analytics/definition.ts'
import { attackOf } from '../detect/attack.ts'
import { type IntelRule, intelRules } from '../detect/intel/rules.ts'
import { readRulePaths } from '../detect/load.ts'
import { type RuleFolder, type RuleSample, readRuleFolders } from '../detect/rule-folder.ts'
import { chineseTitle, ownWord } from '../detect/rule-words.ts'
import type { CorrelationDocument, DetectionDocument, Logsource } from '../detect/sigma/document.ts'
import { entriesOf, type Lookups, loadLookups, selects } from '../detect/sigma/logsource.ts'
import type { RefusedDocument } from '../detect/sigma/parse.ts'
import { compileRuleSet } from '../detect/sigma/ruleset.ts'
import { scalarText, type YamlValue } from '../detect/sigma/yaml.ts'
import type { Event, Fields, Severity } from '../event/event.ts'
import { loadParsers } from '../normalise/load.ts'

/** A rule as its file tells it. */
export interface RuleEntry {
  id: string
  title: string
  description: string
  severity: Severity
  status: string
  author: string | null
  /** A Sigma detection, a Sigma correlation, what fires on indicators, or a scheduled detection over history. */
  kind: 'detection' | 'correlation' | 'intel' | 'analytic'
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
  samples: { fires: RuleSample[]; silent: RuleSample[] }
  /** Why it was refused; empty for a rule that runs. */
  problems: string[]
}

export interface ParserEntry {
  name: string
  title: { zh: string; en: string }
  generic: boolean
}

/** Detection knowledge as it lies in the content folders: read once, at first use. */
export interface RuleBook {
  rules: ReadonlyMap<string, RuleEntry>
  parsers: readonly ParserEntry[]
  analytics: readonly Analytic[]
  /** Fields whose values tell of what logsource an event is. */
  routingFields: readonly string[]
  /** Logsources of events with such values. */
  logsourcesOf(combinations: readonly Fields[]): Logsource[]
}

export function openRuleBook(config: Pick<Config, 'contentDir'>): RuleBook {
  const folders = [shippedContentDir(), ...(config.contentDir ? [config.contentDir] : [])]
  const lookups = loadLookups(folders[0]!)
  const ruleRoots = folders.filter((folder) => existsSync(join(folder, 'rules')))
  const files = readRulePaths(ruleRoots.map((folder) => join(folder, 'rules')))
  const set = compileRuleSet(files)
  const byFile = new Map(ruleRoots.flatMap(readRuleFolders).map((folder) => [folder.file, folder]))
  const analytics = loadAnalytics(folders)
  const running = [
    ...set.rules.map(({ document }) => ({ document, parts: [] })),
    ...set.correlations.map(({ document, rules }) => ({ document, parts: [...rules] })),
  ]
  const entries = [
    ...running.map(({ document, parts }) => entryOf(document, parts, byFile.get(document.source.file))),
    ...intelRules.map(intelEntry),
    ...analytics.map(analyticEntry),
    ...set.refused.map((refused) => refusedEntry(refused, byFile.get(refused.file))),
  ]
  return {
    rules: new Map(entries.map((entry) => [entry.id, entry])),
    parsers: loadParsers(folders).parsers.map(({ name, title, isGeneric }) => ({ name, title, generic: isGeneric })),
    analytics,
    routingFields: lookups.routingFields,
    logsourcesOf: (combinations) => logsourcesOf(combinations, lookups),
  }
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
  folder: RuleFolder | undefined,
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
    ...{ references, falsePositives, problems: [], indicatorTypes: [] },
    yaml: folder?.yaml ?? '',
    fields: document.kind === 'detection' ? fieldNames([...document.identifiers.values()]) : [],
    parts,
    ...ownWords(document),
    samples: { fires: folder?.fires ?? [], silent: folder?.silent ?? [] },
  }
}

function refusedEntry(
  { id, title, file, message, hint, line }: RefusedDocument,
  folder: RuleFolder | undefined,
): RuleEntry {
  return {
    ...{ id: id || file, title: title || file, description: '', severity: 'informational', status: 'refused' },
    ...{ author: null, kind: 'detection', techniques: [], tactics: [], references: [], falsePositives: [] },
    ...{
      fields: [],
      parts: [],
      indicatorTypes: [],
      samples: { fires: [], silent: [] },
      titleZh: null,
      descriptionZh: null,
    },
    ...{ misses: { zh: '', en: '' }, steps: { zh: [], en: [] } },
    logsource: { category: null, product: null, service: null },
    yaml: folder?.yaml ?? '',
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
    ...{ techniques: [], tactics: [], references: [], falsePositives: [], parts: [], problems: [] },
    logsource: { category: null, product: null, service: null },
    samples: { fires: [], silent: [] },
  }
}

/** A scheduled detection over history, as the list of rules shows it; its text is the SQL. */
function analyticEntry(analytic: Analytic): RuleEntry {
  const { id, title, titleZh, description, descriptionZh, severity, misses, steps, fields, falsePositives } = analytic
  const { category = null, product = null, service = null } = analytic.logsource
  return {
    ...{ id, title, titleZh, description, descriptionZh, severity, misses, steps, fields, falsePositives },
    ...{ status: 'stable', author: 'Watchfire', kind: 'analytic', yaml: analytic.sql, ...attackOf(analytic.tags) },
    ...{ references: [], parts: [], problems: [], indicatorTypes: [] },
    logsource: { category, product, service },
    samples: { fires: [], silent: [] },
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
