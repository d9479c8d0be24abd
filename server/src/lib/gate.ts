/** Lets at most `runningMax` pieces of work run at once and `waitingMax` wait; `run` answers undefined when both are full. */
export class Gate {
  readonly runningMax: number
  readonly waitingMax: number
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor(runningMax: number, waitingMax: number) {
    this.runningMax = runningMax
    this.waitingMax = waitingMax
  }

  /** The promise of the work's result, or undefined when there is no room: then nothing was started. */
  run<Result>(work: () => Promise<Result>): Promise<Result> | undefined {
    if (this.#running < this.runningMax) {
      this.#running++
      return this.#finish(work)
    }
    if (this.#waiting.length >= this.waitingMax) return undefined
    // Whoever ends hands its place over, so that nobody new comes in between.
    return new Promise<void>((resolve) => this.#waiting.push(resolve)).then(() => this.#finish(work))
  }

  async #finish<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }
}
