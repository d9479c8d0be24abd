import type { TriedOut } from '../../detect/rule-library.ts'
import { chineseTitle } from '../../detect/rule-words.ts'
import type { CompiledRule } from '../../detect/sigma/compile.ts'
import type { DetectionDocument } from '../../detect/sigma/document.ts'
import { fieldSource, isOpen, type Lookups, selects } from '../../detect/sigma/logsource.ts'
import type { Expression } from '../../detect/sigma/predicate.ts'
import { refusalTable } from '../../detect/sigma/refusal.ts'
import { ruleSql } from '../../detect/sigma/sql.ts'
import { CodedError } from '../../event/errors.ts'
import type { StoredCheck } from '../../seams/store/schema/rules.ts'
import { ruleIdText } from '../../state/rules/rule.ts'
import type { RuleBook } from '../rule-book.ts'

type Problem = StoredCheck['problems'][number]

export interface CheckedText {
  /** Id the text goes by: that of its first document; undefined while there is none. */
  ruleId: string | undefined
  problems: Problem[]
  tried: TriedOut
  /** Detections of the text that compile. */
  detections: CompiledRule[]
}

const problemLimit = 100

/** What is wrong with a rule text among the rules that run, and what there is to say of it. Changes nothing. */
export function checkText(book: RuleBook, ruleId: string | undefined, yaml: string): CheckedText {
  const tried = book.library.tryOut(ruleId, yaml)
  const { file } = tried
  const problems: Problem[] = tried.refused.map(({ reason, message, hint, line, column }) => ({
    ...{ severity: 'error', code: reason, message, hint, line, column },
  }))
  const first = file.documents[0]
  const refuse = (message: string, path: string[]) => {
    const place = first?.source.locate(path) ?? { line: 1, column: 1 }
    problems.push({ severity: 'error', code: 'structure', message, hint: refusalTable.structure, ...place })
  }
  if (!first && problems.length === 0) refuse('The text holds no rule', [])
  if (first && !ruleIdText.safeParse(first.id).success)
    refuse('An id has letters, digits, `_`, `.`, `:` and `-`, at most 128', ['id'])
  if (first && ruleId !== undefined && first.id !== ruleId)
    refuse(`The id is another than that of this rule (${ruleId}); a new rule is made under a new id`, ['id'])
  const detections = tried.set.rules.filter(({ document }) => document.source.file === 'rule')
  for (const { document, warnings } of detections) {
    for (const { message, line, column } of warnings) problems.push(warning('rule', message, '', { line, column }))
    if (!hasLogsource(document, book.lookups))
      problems.push(
        warning(
          'logsource',
          'No source of this platform is of this log source; the rule will not fire',
          'Correct the log source, or leave out what does not matter.',
          document.source.locate(['logsource']),
        ),
      )
  }
  problems.sort((one, other) => one.line - other.line || one.column - other.column)
  return { ruleId: first?.id, problems: problems.slice(0, problemLimit), tried, detections }
}

function warning(code: string, message: string, hint: string, place: { line: number; column: number }): Problem {
  return { severity: 'warning', code, message, hint, ...place }
}

/** The implicit log sources (`event.module`, `event.dataset`) are any product or service, so only a category can be unknown. */
function hasLogsource({ logsource }: DetectionDocument, lookups: Lookups): boolean {
  if (isOpen(logsource) || logsource.category === undefined) return true
  return lookups.logsources.some((entry) => selects(logsource, entry))
}

/** Each rule of a text as people want to see it beside the editor. */
export function describeText(
  { tried, detections }: CheckedText,
  book: RuleBook,
  isPresent: (logsource: DetectionDocument['logsource']) => boolean,
) {
  return tried.file.documents.map((document) => {
    const rule = detections.find((one) => one.document === document)
    const { id, title, kind, level } = document
    const logsource = document.kind === 'correlation' ? {} : document.logsource
    return {
      ...{ id, title, titleZh: chineseTitle(document) ?? null, kind, severity: level },
      logsource: {
        category: logsource.category ?? null,
        product: logsource.product ?? null,
        service: logsource.service ?? null,
      },
      fields: rule ? fieldsOf(rule, book.lookups) : [],
      sourcePresent: document.kind === 'detection' ? isPresent(document.logsource) : null,
      cost: rule ? costOf(rule) : null,
      sql: rule ? (sqlOf(rule, book.lookups) ?? null) : null,
    }
  })
}

/** Fields as the rule names them, and the fields of events that are read for each. */
function fieldsOf(rule: CompiledRule, lookups: Lookups): { name: string; places: string[] }[] {
  const names = new Set<string>()
  visitTests(rule.expression, ({ test }) => {
    if (test.field !== undefined) names.add(test.field)
  })
  const entry = lookups.logsources.find((one) => selects(rule.document.logsource, one))
  const view = lookups.views.get(entry?.view ?? 'default')!
  return [...names].map((name) => ({ name, places: [...fieldSource(name, view).from] }))
}

function visitTests(expression: Expression, visit: (test: Expression & { kind: 'test' }) => void): void {
  if (expression.kind === 'test') visit(expression)
  else if (expression.kind === 'part' || expression.kind === 'not') visitTests(expression.child, visit)
  else for (const child of expression.children) visitTests(child, visit)
}

/** A rule no index leads to is evaluated for every event of its log source; without a log source, for every event. */
function costOf({ plan, document }: CompiledRule): 'low' | 'medium' | 'high' {
  if (plan.witness) return 'low'
  return isOpen(document.logsource) ? 'high' : 'medium'
}

/** The condition over stored events; undefined where it cannot be said in SQL. */
function sqlOf(rule: CompiledRule, lookups: Lookups): string | undefined {
  try {
    const sql = ruleSql(rule, lookups)
    return `${sql.with}\nWHERE ${sql.where}`.trim()
  } catch (error) {
    if (error instanceof CodedError && error.code === 'RULE_INVALID') return undefined
    throw error
  }
}

/** The rules of a text and those its correlations count: enough to run it alone. */
export function neededFor({ set, file }: TriedOut): TriedOut['set'] {
  return partOf(
    set,
    file.documents.map(({ id }) => id),
  )
}

/** Some rules of a set and those their correlations count, as a set of their own. */
export function partOf(set: TriedOut['set'], ids: readonly string[]): TriedOut['set'] {
  const wanted = new Set(ids)
  // Inner correlations stand before those that refer to them.
  for (const { id, rules } of [...set.correlations].reverse())
    if (wanted.has(id)) for (const rule of rules) wanted.add(rule)
  return {
    rules: set.rules.filter(({ document }) => wanted.has(document.id)),
    correlations: set.correlations.filter(({ id }) => wanted.has(id)),
    filters: set.filters,
    refused: [],
  }
}
