import { type Context, read } from '../write.ts'
import { loadSource, type Source } from './source.ts'

/** One source. Throws NOT_FOUND outside the actor's units. */
export async function getSource(context: Context, id: string): Promise<Source> {
  return read(context, 'source:read', (database) =>
    loadSource(database, context.actor, id, new Date(context.clock.now())),
  )
}
