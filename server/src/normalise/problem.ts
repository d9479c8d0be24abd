/** Where in a parser file something is wrong: the keys and indexes from the root. */
export type FilePath = (string | number)[]

/** A parser file says something that cannot be done; the loader adds file and line. */
export class ParserProblem extends Error {
  readonly path: FilePath

  constructor(path: FilePath, message: string) {
    super(message)
    this.name = 'ParserProblem'
    this.path = path
  }
}
