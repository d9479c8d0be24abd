import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { type Clock, systemClock } from '../seams/clock/clock.ts'
import { openStore } from '../seams/store/open.ts'
import type { Database } from '../seams/store/store.ts'
import { type Actor, permissionsByRole, type Role, systemActor } from './actor.ts'
import type { Context } from './write.ts'

/** A real state store in a folder of its own, for tests; as many contexts as wanted. */
export interface TestStore {
  database: Database
  url: string
  dataDir: string
  clock: SteppedClock
  /** The program itself. */
  system: Context
  as(actor: Actor): Context
  close(): Promise<void>
}

/** The system clock, moved forward by hand. */
export interface SteppedClock extends Clock {
  advance(ms: number): void
}

export async function openTestStore(): Promise<TestStore> {
  const dataDir = mkdtempSync(join(tmpdir(), 'watchfire-state-'))
  const logger = pino({ level: 'silent' })
  const store = await openStore({ state: 'embedded', dataDir }, { logger, clock: systemClock })
  let aheadMs = 0
  const clock: SteppedClock = {
    ...systemClock,
    now: () => systemClock.now() + aheadMs,
    advance: (ms) => {
      aheadMs += ms
    },
  }
  const { database } = store
  const as = (actor: Actor): Context => ({ database, clock, actor })
  return {
    database,
    url: store.url,
    dataDir,
    clock,
    system: as(systemActor('test')),
    as,
    async close() {
      await store.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** A person with a role, not in the database: for verbs that only look at the actor. */
export function person(role: Role, unitPath: string, id = '999'): Actor {
  return { kind: 'user', id, name: `${role}-${id}`, unitPath, permissions: new Set(permissionsByRole[role]) }
}
