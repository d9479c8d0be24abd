import type { LogsourceEntry } from '../sigma/logsource.ts'
import type { ParsedFile } from '../sigma/parse.ts'
import { correlationMutants } from './correlation.ts'
import { detectionMutants } from './detection.ts'

/** One small change of a rule: what it is in words that stay the same from run to run, and the changed document. */
export interface Change<Document> {
  what: string
  document: Document
}

/** A rule file with one change in one of its documents. */
export interface Mutant {
  /** Unique in the file, e.g. `ssh_brute_force: gte 10 becomes 9`. */
  what: string
  file: ParsedFile
}

/**
 * Every mutant of the documents of a rule file, in a fixed order. Mutation analysis after DeMillo, Lipton and Sayward, "Hints on
 * test data selection" (1978): samples that tell a rule from each of its small changes are evidence for all of its parts.
 */
export function mutantsOf(file: ParsedFile, logsources: readonly LogsourceEntry[]): Mutant[] {
  const mutants: Mutant[] = []
  for (const [index, document] of file.documents.entries()) {
    const changes =
      document.kind === 'detection'
        ? detectionMutants(document, logsources)
        : document.kind === 'correlation'
          ? correlationMutants(document)
          : []
    for (const change of changes) {
      mutants.push({
        what: `${document.name ?? document.title}: ${change.what}`,
        file: { documents: file.documents.with(index, change.document), refused: [] },
      })
    }
  }
  return distinct(mutants)
}

/** The same words twice, e.g. for equal values in a list, are told apart by a number. */
function distinct(mutants: Mutant[]): Mutant[] {
  const seen = new Map<string, number>()
  return mutants.map((mutant) => {
    const times = (seen.get(mutant.what) ?? 0) + 1
    seen.set(mutant.what, times)
    return times === 1 ? mutant : { ...mutant, what: `${mutant.what} (${times})` }
  })
}
