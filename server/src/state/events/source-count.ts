import { eventsTable } from '../../seams/events/schema.ts'
import { type EventsContext, runQuery } from './run.ts'
import { SqlParameters } from './sql.ts'

/** Only what came lately is looked through: a canary is minutes old. */
const receivedWithinMs = 86_400_000

/** How many events of this sender, received within the last day, are stored in the actor's units. */
export async function countOfSource(context: EventsContext, sourceKey: string): Promise<number> {
  const parameters = new SqlParameters()
  const since = parameters.add('Int64', String(context.clock.now() - receivedWithinMs))
  const sql = `SELECT count() AS total FROM ${eventsTable}
    WHERE received >= fromUnixTimestamp64Milli(${since}, 'UTC') AND source_key = ${parameters.add('String', sourceKey)}`
  return Number((await runQuery<{ total: number }>(context, sql, parameters))[0]?.total ?? 0)
}
