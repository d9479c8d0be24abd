import type { Context } from '../write.ts'
import { read } from '../write.ts'
import { locateUnit } from './locate.ts'
import type { Unit } from './unit.ts'

/** One unit. Throws NOT_FOUND outside the actor's units. */
export async function getUnit(context: Context, id: number): Promise<Unit> {
  return read(context, 'unit:read', (database) => locateUnit(database, context.actor, id))
}
