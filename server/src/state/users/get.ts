import { type Context, read } from '../write.ts'
import { loadUser, type User } from './user.ts'

/** One person. Throws NOT_FOUND outside the actor's units. */
export async function getUser(context: Context, id: number): Promise<User> {
  return read(context, 'user:read', (database) => loadUser(database, context.actor, id))
}
