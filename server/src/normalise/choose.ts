import { type ContentShape, type Parser, shapeOf } from './parser.ts'
import type { Run } from './run.ts'

/** Finds the parsers of a content: by the program in its header, else by what the content looks like. */
export interface Chooser {
  byName(name: string): Parser | undefined
  /** Parsers that name this program in their files, in the order of their confidence. */
  byProgram(program: string): readonly Parser[]
  /** Parsers that recognise the content of the run, surest first, generic ones last. */
  recognise(run: Run, options?: { generic: boolean }): Generator<Parser>
  /** True when the parser still recognises the content: asked where reading alone would not tell. */
  stillFits(parser: Parser, run: Run): boolean
}

const programsRememberedLimit = 10_000

export function createChooser(parsers: readonly Parser[]): Chooser {
  const sorted = [...parsers].sort(
    (left, right) => right.confidence - left.confidence || (left.name < right.name ? -1 : 1),
  )
  const byName = new Map(sorted.map((parser) => [parser.name, parser]))
  const byShape: Record<ContentShape, Parser[]> = {
    json: sorted.filter((parser) => parser.shapes.has('json')),
    xml: sorted.filter((parser) => parser.shapes.has('xml') || parser.shapes.has('text')),
    text: sorted.filter((parser) => parser.shapes.has('text')),
  }
  const programs = new Map<string, Parser[]>()
  const none: readonly Parser[] = []

  function parsersOf(program: string): Parser[] {
    return sorted.filter((parser) =>
      parser.programs.some((name) => (name.endsWith('*') ? program.startsWith(name.slice(0, -1)) : program === name)),
    )
  }

  return {
    byName: (name) => byName.get(name),
    byProgram(program) {
      if (program === '') return none
      let found = programs.get(program)
      if (!found) {
        found = parsersOf(program)
        if (programs.size < programsRememberedLimit) programs.set(program, found)
      }
      return found
    },
    *recognise(run, { generic } = { generic: true }) {
      for (const parser of byShape[shapeOf(run.text)]) {
        if (!generic && parser.isGeneric) return
        for (const recogniser of parser.recognisers) {
          if (recogniser(run)) {
            yield parser
            break
          }
        }
      }
    },
    stillFits(parser, run) {
      if (run.text.charCodeAt(0) !== 123) return true
      return parser.recognisers.some((recogniser) => recogniser(run))
    },
  }
}
