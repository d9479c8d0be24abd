import { type CompiledRule, type CompileOptions, compileRule, filterApplies } from './compile.ts'
import type { Correlation } from './correlation/definition.ts'
import { compileCorrelations } from './correlation/order.ts'
import type { CorrelationDocument, DetectionDocument, FilterDocument, SigmaDocument } from './document.ts'
import { type ParsedFile, type RefusedDocument, refusedDocument } from './parse.ts'
import { RuleRefused } from './refusal.ts'

/** Everything that was loaded: what can run and, one by one, what cannot and why. The set never fails for one rule. */
export interface RuleSet {
  rules: CompiledRule[]
  /** Inner ones before those that refer to them. */
  correlations: Correlation[]
  filters: FilterDocument[]
  refused: RefusedDocument[]
}

/** Compiles the documents of any number of parsed files into one set. */
export function compileRuleSet(files: Iterable<ParsedFile>, options: CompileOptions = {}): RuleSet {
  const set: RuleSet = { rules: [], correlations: [], filters: [], refused: [] }
  const detections: DetectionDocument[] = []
  const correlations: CorrelationDocument[] = []
  const names = new Map<string, SigmaDocument>()
  const refuse = (document: SigmaDocument, error: unknown) => {
    if (!(error instanceof RuleRefused)) throw error
    set.refused.push(refusedDocument(error, document.source, document.id, document.title))
  }
  for (const file of files) {
    set.refused.push(...file.refused)
    for (const document of file.documents) {
      const rival = names.get(document.id) ?? (document.name === undefined ? undefined : names.get(document.name))
      if (rival) {
        refuse(
          document,
          new RuleRefused('duplicate', `The id or name is taken by "${rival.title}" in ${rival.source.file}`, ['id']),
        )
        continue
      }
      names.set(document.id, document)
      if (document.name !== undefined) names.set(document.name, document)
      if (document.kind === 'detection') detections.push(document)
      else if (document.kind === 'correlation') correlations.push(document)
      else set.filters.push(document)
    }
  }
  // A filter that is itself wrong is refused once and narrows nothing.
  set.filters = set.filters.filter((filter) => {
    const probe: DetectionDocument = { ...filter, kind: 'detection' }
    try {
      compileRule(probe, [], options)
      return true
    } catch (error) {
      refuse(filter, relocated(error))
      return false
    }
  })
  for (const document of detections) {
    try {
      const filters = set.filters.filter((filter) => filterApplies(filter, document))
      set.rules.push(compileRule(document, filters, options))
    } catch (error) {
      refuse(document, error)
    }
  }
  const ready = new Map<string, string>()
  for (const { document } of set.rules) {
    ready.set(document.id, document.id)
    if (document.name !== undefined) ready.set(document.name, document.id)
  }
  set.correlations = compileCorrelations(correlations, ready, refuse)
  return set
}

/** A filter is tried out as a detection: its paths begin with `filter` in the file. */
function relocated(error: unknown): unknown {
  if (!(error instanceof RuleRefused) || error.path[0] !== 'detection') return error
  return new RuleRefused(error.reason, error.message, ['filter', ...error.path.slice(1)])
}
