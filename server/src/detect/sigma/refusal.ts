import { CodedError } from '../../event/errors.ts'
import type { Position, YamlPath } from './yaml.ts'

/** Why a Sigma document cannot be used, and what its author can do. Every refusal names one of these. */
export const refusalTable = {
  yaml: 'Correct the YAML at the named line.',
  structure:
    'A rule needs title, logsource and detection with a condition; a correlation needs type, rules and timespan.',
  'legacy-action': 'Write each document of an `action:` collection out as a rule of its own.',
  'legacy-aggregation': 'Replace `| count()` and `near` with a correlation document.',
  condition: 'Correct the condition; it knows and, or, not, parentheses, `1 of`, `any of` and `all of`.',
  identifier: 'Name a search identifier that the detection defines.',
  'empty-selector': 'No search identifier has a name like this; correct the pattern or remove it.',
  value: 'Correct the value; see the message.',
  modifier: 'Use a modifier of the Sigma specification 2.1.0.',
  'modifier-order': 'This modifier cannot stand here; see the message.',
  regex: 'Use the RE2 syntax: no look-around, no back-references, at most 1000 repeats.',
  cidr: 'Write the network as address/prefix with no host bits set.',
  placeholder: 'Configure a list of values for this placeholder.',
  limit: 'Make the rule smaller; a limit protects the stream.',
  duplicate: 'Two rules have the same id or name; change one of them.',
  reference: 'The correlation names a rule that is not loaded or was refused itself.',
  cycle: 'Correlations refer to each other in a circle.',
  impossible: 'Nothing can fulfil the condition; correct the parts that exclude each other.',
  filter: 'A filter needs rules (a list or `any`), search identifiers and a condition.',
} as const

export type RefusalReason = keyof typeof refusalTable

/** A Sigma document that was read but cannot be used. The rule set goes on without it. */
export class RuleRefused extends CodedError {
  readonly reason: RefusalReason
  /** Where in the document; turned into a line and column when it is shown. */
  readonly path: YamlPath
  readonly position: Position | undefined

  constructor(reason: RefusalReason, message: string, path: YamlPath = [], position?: Position) {
    super('RULE_INVALID', message, { reason, path, hint: refusalTable[reason], ...position })
    this.name = 'RuleRefused'
    this.reason = reason
    this.path = path
    this.position = position
  }
}
