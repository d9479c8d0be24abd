import { and, count, eq, isNotNull, isNull, or, sql } from 'drizzle-orm'
import { z } from 'zod'
import { sources } from '../../seams/store/schema/sources.ts'
import { booleanQuery, idNumber, parseInput } from '../input.ts'
import { afterCursor, type CursorValue, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { containsText, withinUnit } from '../scope.ts'
import { locateUnit } from '../units/locate.ts'
import { type Context, read } from '../write.ts'
import { recentRecords, type Source, sourceOf } from './source.ts'

const listSourcesQuery = z.strictObject({
  ...pageQuery,
  /** Part of the name or the key. */
  text: z.string().max(200).optional(),
  silent: booleanQuery.optional(),
  /** Holds records that no parser understood. */
  unparsed: booleanQuery.optional(),
  enabled: booleanQuery.optional(),
  transport: z.string().max(50).optional(),
  parser: z.string().max(100).optional(),
  /** This unit and those below it. */
  unitId: idNumber.optional(),
  sort: z.enum(['name', 'lastSeenAt', 'firstSeenAt', 'recordCount', 'parseRate']).default('name'),
  direction: z.enum(['asc', 'desc']).default('asc'),
})

const parserInUse = sql`coalesce(${sources.pinnedParser}, ${sources.parser})`

const columns = {
  name: sql`${sources.name}`,
  lastSeenAt: sql`${sources.lastSeenAt}`,
  firstSeenAt: sql`${sources.firstSeenAt}`,
  recordCount: sql`${sources.recordCount}`,
  parseRate: sql`(CASE WHEN ${sources.recordCount} = 0 THEN 1 ELSE ${sources.parsedCount}::float8 / ${sources.recordCount} END)`,
}

/** Senders of records of the actor's unit and those below it. */
export async function listSources(
  context: Context,
  query: z.input<typeof listSourcesQuery> = {},
): Promise<Page<Source>> {
  const { limit, cursor, sort, direction, unitId, ...filters } = parseInput(listSourcesQuery, query)
  const keyset: Keyset = { name: sort, column: columns[sort], id: sql`${sources.id}`, direction }
  return read(context, 'source:read', async (database) => {
    const now = new Date(context.clock.now())
    const top = unitId === undefined ? context.actor.unitPath : (await locateUnit(database, context.actor, unitId)).path
    const filter = and(withinUnit(sources.unitPath, top), condition(filters))
    const rows = await database
      .select({ source: sources, recent: recentRecords(now) })
      .from(sources)
      .where(and(filter, afterCursor(keyset, cursor)))
      .orderBy(orderBy(keyset))
      .limit(limit + 1)
    const [counted] = await database.select({ total: count() }).from(sources).where(filter)
    const placeOf = (source: Source): CursorValue => source[sort]
    return pageOf(
      keyset,
      rows,
      limit,
      counted?.total ?? 0,
      (row) => [placeOf(sourceOf(row.source, row.recent, now)), row.source.id],
      (row) => sourceOf(row.source, row.recent, now),
    )
  })
}

type Filters = Pick<
  z.output<typeof listSourcesQuery>,
  'text' | 'silent' | 'unparsed' | 'enabled' | 'transport' | 'parser'
>

function condition({ text, silent, unparsed, enabled, transport, parser }: Filters) {
  return and(
    text ? or(containsText(sources.name, text), containsText(sources.key, text)) : undefined,
    silent === undefined ? undefined : silent ? isNotNull(sources.silentSince) : isNull(sources.silentSince),
    unparsed === undefined ? undefined : sql`(${sources.unparsedCount} > 0) = ${unparsed}`,
    enabled === undefined ? undefined : eq(sources.enabled, enabled),
    transport ? eq(sources.transport, transport) : undefined,
    parser ? sql`${parserInUse} = ${parser}` : undefined,
  )
}
