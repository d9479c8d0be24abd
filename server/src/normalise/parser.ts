import type { CompiledRecogniser } from './recogniser.ts'
import type { Run } from './run.ts'

/** A parser file, compiled. */
export interface Parser {
  name: string
  title: { zh: string; en: string }
  /** Programs of a syslog header it reads; `*` at the end stands for any ending. */
  programs: readonly string[]
  /** Shape of content it can read at all. */
  shapes: ReadonlySet<ContentShape>
  recognisers: readonly CompiledRecogniser[]
  confidence: number
  /** Reads content nothing better knows; such a parser never keeps a better one away. */
  isGeneric: boolean
  /** Source names to fields, as the file's map says: what a rule written for the source's names needs. */
  aliases: ReadonlyMap<string, string>
  /** Reads the content into `run.source`; throws NotUnderstood when it cannot. */
  read(run: Run): void
  /** Puts the values of `run.source` into fields; throws NotUnderstood when it is not what the parser is for. */
  apply(run: Run): void
}

/** First look at content: a JSON object, XML, or text. */
export type ContentShape = 'json' | 'xml' | 'text'

export function shapeOf(text: string): ContentShape {
  const first = text.charCodeAt(0)
  return first === 123 ? 'json' : first === 60 ? 'xml' : 'text'
}
