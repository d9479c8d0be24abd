import type { Severity } from '../../event/event.ts'
import type { Position, YamlMap, YamlPath, YamlValue } from './yaml.ts'

/** Where a document came from; `locate` reads the file again to turn a path into a line and column. */
export interface DocumentSource {
  file: string
  /** Which of the file's non-empty documents, from 0. */
  index: number
  locate(path: YamlPath): Position
}

/** The three dimensions that route a rule to events; extra keys stay in the document. */
export interface Logsource {
  product?: string
  category?: string
  service?: string
}

interface DocumentHead {
  /** The rule's `id`, else its `name`, else a hash of its text: never empty. */
  id: string
  name?: string
  title: string
  description?: string
  author?: string
  status?: string
  level: Severity
  /** `attack.t1110.001`, `attack.credential-access`, … as written, lower-cased. */
  tags: string[]
  references: string[]
  falsePositives: string[]
  /** Everything else that stands at the top level. */
  custom: YamlMap
  source: DocumentSource
  /** Set on a document of a rule text that is on trial beside the running one. */
  staged?: Staged
}

/** A text on trial has ids and names of its own in the set; inside the text the names as written still hold. */
export interface Staged {
  /** As written. */
  id: string
  name?: string
  /** Name or id as written -> id in the set, for the documents of the same text. */
  locals: ReadonlyMap<string, string>
}

export interface DetectionDocument extends DocumentHead {
  kind: 'detection'
  logsource: Logsource
  identifiers: Map<string, YamlValue>
  /** Several conditions are linked with OR. */
  conditions: string[]
}

export interface CorrelationDocument extends DocumentHead {
  kind: 'correlation'
  correlation: YamlMap
}

export interface FilterDocument extends DocumentHead {
  kind: 'filter'
  logsource: Logsource
  /** Ids and names of the rules it narrows; `any` for all of its logsource. */
  rules: string[] | 'any'
  identifiers: Map<string, YamlValue>
  conditions: string[]
}

export type SigmaDocument = DetectionDocument | CorrelationDocument | FilterDocument
