/** A signal: a record, chunk or value is not what the format says it must be. It costs what it stands in and nothing more. */
export class Damaged {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}
