import type { Change } from '../event/change.ts'
import type { Context } from './write.ts'

/** A context whose verbs tell live screens what changed: after the commit, never before. */
export interface LiveContext extends Context {
  notify: (change: Change) => void
}
