import { and, eq } from 'drizzle-orm'
import { CodedError } from '../../event/errors.ts'
import { canaries } from '../../seams/store/schema/canaries.ts'
import type { Database } from '../../seams/store/store.ts'
import type { Actor } from '../actor.ts'
import { withinUnit } from '../scope.ts'

export const canaryStates = ['waiting', 'running', 'arrived', 'lost', 'interrupted', 'impossible'] as const

/** A record the platform sent itself, and how far it came. */
export type Canary = typeof canaries.$inferSelect
export type CanaryHop = NonNullable<Canary['lostAt']>

/** The canary, when in the actor's units; throws NOT_FOUND otherwise. */
export async function loadCanary(database: Pick<Database, 'select'>, actor: Actor, id: string): Promise<Canary> {
  const [row] = await database
    .select()
    .from(canaries)
    .where(and(eq(canaries.id, id), withinUnit(canaries.unitPath, actor.unitPath)))
  if (!row) throw new CodedError('NOT_FOUND', `canary:${id} was not found`, { target: `canary:${id}` })
  return row
}
