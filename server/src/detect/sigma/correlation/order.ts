import { triedRule } from '../../../event/rule-stage.ts'
import type { CorrelationDocument } from '../document.ts'
import { RuleRefused } from '../refusal.ts'
import { type Correlation, compileCorrelation } from './definition.ts'

/**
 * Compiles correlation documents, inner ones before the outer ones that refer to them. `ruleIds` gives the id of a detection
 * rule that is ready by its id or name. What cannot be compiled is handed to `refuse`, and so is what refers to it.
 */
export function compileCorrelations(
  documents: readonly CorrelationDocument[],
  ruleIds: ReadonlyMap<string, string>,
  refuse: (document: CorrelationDocument, error: unknown) => void,
): Correlation[] {
  const byName = new Map<string, CorrelationDocument>()
  for (const document of documents) {
    byName.set(document.id, document)
    if (document.name !== undefined) byName.set(document.name, document)
  }
  const compiled = new Map<CorrelationDocument, Correlation | undefined>()
  const inProgress = new Set<CorrelationDocument>()
  const ordered: Correlation[] = []
  const visit = (document: CorrelationDocument): Correlation | undefined => {
    if (compiled.has(document)) return compiled.get(document)
    inProgress.add(document)
    let result: Correlation | undefined
    try {
      result = compileCorrelation(document, (written) => {
        const name = document.staged?.locals.get(written) ?? written
        const inner = byName.get(name)
        if (!inner) return ruleIds.get(name)
        if (inProgress.has(inner)) {
          throw new RuleRefused('cycle', `The correlation refers to itself through \`${name}\``, [
            'correlation',
            'rules',
          ])
        }
        return visit(inner)?.id
      })
      ordered.push(result)
    } catch (error) {
      refuse(document, error)
    }
    inProgress.delete(document)
    compiled.set(document, result)
    return result
  }
  for (const document of documents) visit(document)
  return ordered
}

/**
 * Ids of the rules and correlations that raise no detections alone: some correlation counts them and none says `generate`.
 * A correlation on trial silences only what is on trial with it.
 */
export function silentRules(correlations: readonly Correlation[]): ReadonlySet<string> {
  const silent = new Set(
    correlations.flatMap(({ document, rules }) =>
      document.staged ? rules.filter((rule) => triedRule(rule) !== undefined) : rules,
    ),
  )
  for (const { generate, rules } of correlations) if (generate) for (const rule of rules) silent.delete(rule)
  return silent
}
