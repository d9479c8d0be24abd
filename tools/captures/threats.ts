import type { Captures } from './scenario.ts'
import { guesses } from './threats/guessing.ts'
import { lateral } from './threats/lateral.ts'
import { leaks } from './threats/leaks.ts'
import { plant } from './threats/plant.ts'
import { scans } from './threats/scans.ts'
import { web } from './threats/web.ts'

/** Rule of content/rules/traffic -> its captures. */
export const threats: Record<string, Captures> = { ...scans, ...guesses, ...web, ...lateral, ...leaks, ...plant }
