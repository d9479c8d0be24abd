import { and, count, desc, inArray, sql } from 'drizzle-orm'
import { z } from 'zod'
import { hostFacts, hosts } from '../../seams/store/schema/traffic.ts'
import { idNumber, parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { containsText, withinUnit } from '../scope.ts'
import { locateUnit } from '../units/locate.ts'
import { type Context, read } from '../write.ts'
import { factColumns, type Host, hostColumns } from './host.ts'

const listHostsQuery = z.strictObject({
  ...pageQuery,
  /** Part of the address, or of anything that was observed. */
  text: z.string().max(200).optional(),
  /** Hosts of which this kind was observed. */
  kind: z.string().max(50).optional(),
  unitId: idNumber.optional(),
  sort: z.enum(['address', 'firstSeenAt', 'lastSeenAt']).default('lastSeenAt'),
  direction: z.enum(['asc', 'desc']).default('desc'),
})

const columns = {
  address: sql`${hosts.address}`,
  firstSeenAt: sql`${hosts.firstSeenAt}`,
  lastSeenAt: sql`${hosts.lastSeenAt}`,
}

/** Hosts seen in the traffic of the actor's unit and those below it, with their newest facts first. */
export async function listHosts(context: Context, query: z.input<typeof listHostsQuery> = {}): Promise<Page<Host>> {
  const { limit, cursor, text, kind, unitId, sort, direction } = parseInput(listHostsQuery, query)
  const keyset: Keyset = { name: sort, column: columns[sort], id: sql`${hosts.id}`, direction }
  return read(context, 'source:read', async (database) => {
    const top = unitId === undefined ? context.actor.unitPath : (await locateUnit(database, context.actor, unitId)).path
    const observed = (condition: ReturnType<typeof sql>) =>
      sql`EXISTS (SELECT 1 FROM ${hostFacts} WHERE ${hostFacts.hostId} = ${hosts.id} AND ${condition})`
    const filter = and(
      withinUnit(hosts.unitPath, top),
      kind === undefined ? undefined : observed(sql`${hostFacts.kind} = ${kind}`),
      text === undefined || text === ''
        ? undefined
        : sql`(${containsText(sql`host(${hosts.address})`, text)} OR ${observed(containsText(hostFacts.value, text))})`,
    )
    const rows = await database
      .select(hostColumns)
      .from(hosts)
      .where(and(filter, afterCursor(keyset, cursor)))
      .orderBy(orderBy(keyset))
      .limit(limit + 1)
    const [counted] = await database.select({ total: count() }).from(hosts).where(filter)
    const ids = rows.map(({ id }) => id)
    const facts =
      ids.length === 0
        ? []
        : await database
            .select(factColumns)
            .from(hostFacts)
            .where(inArray(hostFacts.hostId, ids))
            .orderBy(desc(hostFacts.lastSeenAt), desc(hostFacts.id))
    const byHost = groupByHost(facts)
    return pageOf(
      keyset,
      rows,
      limit,
      counted?.total ?? 0,
      (row) => [row[sort], row.id],
      (row): Host => ({ ...row, facts: (byHost.get(row.id) ?? []).map(({ hostId: _, ...fact }) => fact) }),
    )
  })
}

function groupByHost<Fact extends { hostId: number }>(facts: Fact[]): Map<number, Fact[]> {
  const groups = new Map<number, Fact[]>()
  for (const fact of facts) {
    const group = groups.get(fact.hostId)
    if (group) group.push(fact)
    else groups.set(fact.hostId, [fact])
  }
  return groups
}
