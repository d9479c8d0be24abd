import { CodedError } from '../event/errors.ts'

/** Where in a parser file something is wrong: the keys and indexes from the root. */
export type FilePath = (string | number)[]

/** A parser file says something that cannot be done; the loader adds file and line, and the others work on. */
export class ParserProblem extends CodedError {
  readonly path: FilePath

  constructor(path: FilePath, message: string) {
    super('PARSER_INVALID', message, { path })
    this.name = 'ParserProblem'
    this.path = path
  }
}
