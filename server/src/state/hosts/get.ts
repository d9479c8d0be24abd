import { and, desc, eq } from 'drizzle-orm'
import { CodedError } from '../../event/errors.ts'
import { hostFacts, hosts } from '../../seams/store/schema/traffic.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'
import { factColumns, type Host, hostColumns } from './host.ts'

/** One host with everything observed of it. Throws NOT_FOUND outside the actor's units. */
export async function getHost(context: Context, { id }: { id: number }): Promise<Host> {
  return read(context, 'source:read', async (database) => {
    const scope = and(eq(hosts.id, id), withinUnit(hosts.unitPath, context.actor.unitPath))
    const [host] = await database.select(hostColumns).from(hosts).where(scope)
    if (!host) throw new CodedError('NOT_FOUND', `host:${id} was not found`, { target: `host:${id}` })
    const facts = await database
      .select(factColumns)
      .from(hostFacts)
      .where(eq(hostFacts.hostId, id))
      .orderBy(desc(hostFacts.lastSeenAt), desc(hostFacts.id))
    return { ...host, facts: facts.map(({ hostId: _, ...fact }) => fact) }
  })
}
