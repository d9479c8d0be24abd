import { useSyncExternalStore } from 'react'
import { ApiError } from '../api/problem.ts'

/** What to do when somebody else was faster: send mine over theirs, show theirs and drop mine, or go on with my text. */
export type Choice = 'mine' | 'theirs' | 'back'

export interface Conflict {
  error: ApiError
  choose(choice: Choice): void
}

/** The change was not sent, by choice of the reader who was told of the conflict. */
class Superseded extends Error {
  readonly choice: Exclude<Choice, 'mine'>

  constructor(choice: Exclude<Choice, 'mine'>) {
    super(choice)
    this.name = 'Superseded'
    this.choice = choice
  }
}

/** The reader has seen the conflict and chose; there is nothing more to say about this error. */
export function isSuperseded(error: unknown): boolean {
  return error instanceof Superseded
}

/** The reader chose the other's state: forms over the old one close or load it. */
export function tookTheirs(error: unknown): boolean {
  return error instanceof Superseded && error.choice === 'theirs'
}

/** Header of a change that holds only while the thing has this version. */
export function ifMatch(version: number): { 'if-match': string } {
  return { 'if-match': `"${version}"` }
}

/**
 * Sends a change with the version its author saw. When the thing has another by now, asks the author; a change sent over
 * the other's states the other's version, so that a third one is noticed too.
 */
export async function sendChange<Data>(seen: number, send: (version: number) => Promise<Data>): Promise<Data> {
  let version = seen
  for (;;) {
    try {
      return await send(version)
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'CHANGED_MEANWHILE') throw error
      const choice = await ask(error)
      if (choice !== 'mine') throw new Superseded(choice)
      version = Number(error.detail.version)
    }
  }
}

let waiting: Conflict[] = []
const listeners = new Set<() => void>()

function set(next: Conflict[]): void {
  waiting = next
  for (const listener of listeners) listener()
}

function ask(error: ApiError): Promise<Choice> {
  return new Promise((resolve) => {
    const conflict: Conflict = {
      error,
      choose: (choice) => {
        set(waiting.filter((one) => one !== conflict))
        resolve(choice)
      },
    }
    set([...waiting, conflict])
  })
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}

/** The conflict that waits longest for an answer. */
export function useConflict(): Conflict | undefined {
  return useSyncExternalStore(subscribe, () => waiting[0])
}
