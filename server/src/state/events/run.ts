import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client'
import type { Clock } from '../../seams/clock/clock.ts'
import { asEventsError } from '../../seams/events/errors.ts'
import { visibleTo } from '../../seams/events/open.ts'
import type { Actor, Permission } from '../actor.ts'
import { requirePermission } from '../write.ts'
import type { SqlParameters } from './sql.ts'

/** What verbs over stored events are given. */
export interface EventsContext {
  /** The event store as its reader. */
  events: ClickHouseClient
  clock: Clock
  actor: Actor
  /** Aborted when nobody waits for the answer any more; the query is then cancelled. */
  signal?: AbortSignal
}

/** Bounds of one query, enforced by the event store. */
const queryBounds = { seconds: 30, memoryBytes: 2 * 2 ** 30, threads: 4 } as const

/**
 * Settings of every query: it sees only the rows of the actor's units (the store's row filter reads this setting, and
 * shows nothing without it), and ends when it takes too long or too much memory.
 */
export function querySettings(actor: Actor, seconds: number = queryBounds.seconds): ClickHouseSettings {
  return {
    ...visibleTo(actor.unitPath),
    max_execution_time: seconds,
    max_memory_usage: String(queryBounds.memoryBytes),
    max_threads: queryBounds.threads,
    // Wide rows are read only for what is given out.
    query_plan_max_limit_for_lazy_materialization: '1000',
    output_format_json_quote_64bit_integers: 0,
  }
}

/** Runs a query and answers its rows. Throws FORBIDDEN, QUERY_TOO_LONG, EVENTS_UNAVAILABLE. */
export async function runQuery<Row>(
  { events, actor, signal }: EventsContext,
  sql: string,
  parameters: SqlParameters,
  permission: Permission = 'event:read',
): Promise<Row[]> {
  requirePermission(actor, permission)
  try {
    const answer = await events.query({
      query: sql,
      query_params: parameters.values,
      format: 'JSONEachRow',
      clickhouse_settings: querySettings(actor),
      abort_signal: signal,
    })
    return await answer.json<Row>()
  } catch (error) {
    throw asEventsError(error)
  }
}
