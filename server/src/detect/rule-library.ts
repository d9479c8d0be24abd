import { setImmediate } from 'node:timers/promises'
import { trialId } from '../event/rule-stage.ts'
import type { CompileMemory, CompileOptions } from './sigma/compile.ts'
import type { SigmaDocument } from './sigma/document.ts'
import { type ParsedFile, parseSigma, type RefusedDocument } from './sigma/parse.ts'
import { compileRuleSet, type RuleSet } from './sigma/ruleset.ts'

/** A rule of the operator's as it stands in the store; a text that is null does not run in that way. */
export interface StoredRuleText {
  /** Id of the rule: that of the first document of its text. */
  ruleId: string
  /** The version in force, instead of the shipped file of the same id. */
  live: string | null
  /** The version on trial: its detections are kept apart. */
  trial: { version: number; text: string } | null
}

/** The shipped rules and the operator's as one set, kept current in small steps. */
export interface RuleLibrary {
  readonly set: RuleSet
  /** Puts these texts in place of what was known of the same rules; everything else stays. Yields to other work in between. */
  replace(texts: Iterable<StoredRuleText>): Promise<RuleSet>
  /** The set as it would be with this text in force, and what would be refused or warned of in it. Changes nothing. */
  tryOut(ruleId: string | undefined, text: string): TriedOut
}

export interface TriedOut {
  set: RuleSet
  /** As parsed from the text: what could be read of it. */
  file: ParsedFile
  refused: RefusedDocument[]
}

/** Begins the file names of stored texts in problems and in `document.source`. */
export const storedPrefix = 'rule:'
/** Ends the file name of a text on trial. */
export const trialMark = ' (trial)'

export function storedFile(ruleId: string): string {
  return storedPrefix + ruleId
}

/** Texts read before others have their turn: a few milliseconds. */
const textsAtOnce = 8

/**
 * Opens the library over the shipped files. A change parses and compiles only what changed; what is the same is the same
 * object in the next set, which is how an engine sees what it need not build again.
 */
export function openRuleLibrary(
  shipped: readonly ParsedFile[],
  knownFields?: CompileOptions['knownFields'],
): RuleLibrary {
  const memory: CompileMemory = new WeakMap()
  const options = { memory, knownFields }
  const shippedKeys = new Map<ParsedFile, string | undefined>(shipped.map((file) => [file, keyOf(file)]))
  const live = new Map<string, { text: string; file: ParsedFile }>()
  const trial = new Map<string, { text: string; version: number; file: ParsedFile }>()
  let set = compile()

  function compile(more?: { ruleId: string | undefined; file: ParsedFile }): RuleSet {
    const isReplaced = (key: string | undefined) => key !== undefined && (live.has(key) || key === more?.ruleId)
    const files = shipped.filter((file) => !isReplaced(shippedKeys.get(file)))
    for (const [ruleId, { file }] of live) if (ruleId !== more?.ruleId) files.push(file)
    if (more) files.push(more.file)
    else for (const { file } of trial.values()) files.push(file)
    return compileRuleSet(files, options)
  }

  function putLive(ruleId: string, text: string | null): void {
    if (text === null) live.delete(ruleId)
    else if (live.get(ruleId)?.text !== text) live.set(ruleId, { text, file: parseSigma(text, storedFile(ruleId)) })
  }

  function putTrial(ruleId: string, next: StoredRuleText['trial']): void {
    const { text, version } = trial.get(ruleId) ?? {}
    if (next === null) trial.delete(ruleId)
    else if (text !== next.text || version !== next.version) {
      const parsed = parseSigma(next.text, storedFile(ruleId) + trialMark)
      trial.set(ruleId, { ...next, file: onTrial(parsed, next.version) })
    }
  }

  return {
    get set() {
      return set
    },
    async replace(texts) {
      let read = 0
      for (const { ruleId, ...text } of texts) {
        putLive(ruleId, text.live)
        putTrial(ruleId, text.trial)
        for (const entry of [live.get(ruleId), trial.get(ruleId)]) {
          // Compiled here, in small pieces, and remembered for the set.
          if (entry) compileRuleSet([entry.file], options)
        }
        if (++read % textsAtOnce === 0) await setImmediate()
      }
      set = compile()
      return set
    },
    tryOut(ruleId, text) {
      const file = parseSigma(text, 'rule')
      const tried = compile({ ruleId: ruleId ?? keyOf(file), file })
      return { set: tried, file, refused: tried.refused.filter((refused) => refused.file === 'rule') }
    },
  }
}

/** Id of the first document of a file: what a whole file is known by. */
export function keyOf(file: ParsedFile): string | undefined {
  return file.documents[0]?.id
}

/** The documents under ids and names of their own; names inside the text keep their meaning. */
function onTrial({ documents, refused }: ParsedFile, version: number): ParsedFile {
  const locals = new Map<string, string>()
  for (const { id, name } of documents) {
    locals.set(id, trialId(id, version))
    if (name !== undefined) locals.set(name, trialId(id, version))
  }
  const renamed = documents.map((document): SigmaDocument => {
    const { id, name } = document
    return {
      ...document,
      id: trialId(id, version),
      name: name === undefined ? undefined : trialId(name, version),
      staged: { id, name, locals },
    }
  })
  return { documents: renamed, refused }
}
