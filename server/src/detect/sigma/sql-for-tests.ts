import { createRequire } from 'node:module'
import type { Event } from '../../event/event.ts'
import { type Events, visibleTo } from '../../seams/events/open.ts'
import { eventsTable } from '../../seams/events/schema.ts'
import { SigmaEngine } from './engine.ts'
import type { Lookups } from './logsource.ts'
import type { RuleSet } from './ruleset.ts'
import { ruleSql } from './sql.ts'

/** False where the embedded database has no build. */
export const hasEngine = (() => {
  try {
    createRequire(import.meta.url).resolve('@chdb/lib-linux-x64-gnu/package.json')
    return true
  } catch {
    return false
  }
})()

/** Rules for which the database and the stream find different events, told with an event that differs. Event ids begin with `token`. */
export async function differences(
  store: Events,
  lookups: Lookups,
  set: RuleSet,
  list: Event[],
  token: string,
): Promise<string[]> {
  await store.insertBlock(list, token)
  const engine = new SigmaEngine(set, lookups)
  const expected = new Map<string, string[]>(set.rules.map(({ document }) => [document.id, []]))
  for (const event of list)
    for (const { rule } of engine.matchEvent(event)) expected.get(rule.document.id)!.push(event.id)
  const wrong: string[] = []
  for (const rule of set.rules) {
    const sql = ruleSql(rule, lookups)
    const query = `${sql.with} SELECT event_id FROM ${eventsTable} WHERE startsWith(event_id, '${token}') AND ${sql.where} ORDER BY event_id`
    const answer = await store.query.query({
      query,
      format: 'JSONEachRow',
      clickhouse_settings: {
        ...visibleTo('/1/'),
        max_query_size: '20000000',
        max_ast_elements: '2000000',
        max_expanded_ast_elements: '4000000',
      },
    })
    const found = (await answer.json<{ event_id: string }>()).map(({ event_id }) => event_id)
    const same = JSON.stringify(found) === JSON.stringify(expected.get(rule.document.id)!.sort())
    if (!same) {
      const differing = list.find(({ id }) => found.includes(id) !== expected.get(rule.document.id)!.includes(id))
      wrong.push(
        JSON.stringify({
          rule: rule.document.id,
          detection: rule.document.custom.get('source'),
          conditions: rule.document.conditions,
          sqlSays: found.includes(differing!.id),
          fields: differing!.fields,
        }),
      )
    }
  }
  return wrong
}
