import { BroadcastChannel } from 'node:worker_threads'
import type { Broadcast } from './bus.ts'

/**
 * A named channel between all threads of the process. Messages reach the listeners of this very channel too, which a
 * plain BroadcastChannel does not do. It keeps no process alive.
 */
export class ThreadChannel<Message> implements Broadcast<Message> {
  readonly #channel: BroadcastChannel
  #isClosed = false
  readonly #listeners = new Set<(message: Message) => void>()

  constructor(name: string) {
    this.#channel = new BroadcastChannel(name)
    this.#channel.unref()
    this.#channel.onmessage = (event: unknown) => this.#deliver((event as { data: Message }).data)
  }

  send(message: Message): void {
    this.sendToOthers(message)
    queueMicrotask(() => this.#deliver(message))
  }

  /** To the other threads only. */
  sendToOthers(message: Message): void {
    // Fire and forget: what is sent while the program stops has nobody to hear it.
    if (!this.#isClosed) this.#channel.postMessage(message)
  }

  listen(handler: (message: Message) => void): () => void {
    this.#listeners.add(handler)
    return () => this.#listeners.delete(handler)
  }

  close(): void {
    this.#isClosed = true
    this.#listeners.clear()
    this.#channel.close()
  }

  #deliver(message: Message): void {
    for (const listener of this.#listeners) listener(message)
  }
}
