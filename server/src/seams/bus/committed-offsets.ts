import type { Files } from './files.ts'
import { SlotFile } from './slot-file.ts'

/** The committed offset of one group in one partition, kept in a slot file. */
export class CommittedOffset {
  readonly #file: SlotFile
  #committed = -1
  #wanted = -1
  #writing: Promise<void> | undefined

  constructor(files: Files, directory: string, name: string) {
    this.#file = new SlotFile(files, directory, name)
  }

  get committed(): number {
    return this.#committed
  }

  /** Must be called once, first. */
  async open(): Promise<void> {
    const [offset = -1] = (await this.#file.open()) ?? []
    this.#committed = offset
    this.#wanted = offset
  }

  /** Resolves when `offset` (or a later one) is durable. A smaller offset than the committed one changes nothing. */
  async commit(offset: number): Promise<void> {
    if (offset > this.#wanted) this.#wanted = offset
    while (this.#committed < offset) {
      this.#writing ??= this.#write().finally(() => {
        this.#writing = undefined
      })
      await this.#writing
    }
  }

  async #write(): Promise<void> {
    const offset = this.#wanted
    await this.#file.write([offset])
    this.#committed = offset
  }

  async close(): Promise<void> {
    await this.#writing?.catch(() => undefined)
    await this.#file.close()
  }
}
