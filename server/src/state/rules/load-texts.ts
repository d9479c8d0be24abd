import { and, eq, gt, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { rules, ruleVersions } from '../../seams/store/schema/rules.ts'
import type { Database } from '../../seams/store/store.ts'
import { translateStoreError } from '../store-error.ts'
import { ruleOf, type StoredRule } from './rule.ts'

/** A stored rule with its texts; null where no version is in that place, and all null once it was removed. */
export interface RuleTexts {
  rule: StoredRule
  isRemoved: boolean
  live: string | null
  trial: { version: number; text: string } | null
  /** The newest version, with its samples. */
  head: string
  headSamples: (typeof ruleVersions.$inferSelect)['samples']
}

/** Rules of one query: texts of the largest collections together take some megabytes. */
const rowsAtOnce = 500

/** The rules that changed after `revision`, in the order of their changes, in portions. Rejects with STORE_UNAVAILABLE. */
export async function* loadRuleTexts(database: Database, revision: number): AsyncGenerator<RuleTexts[]> {
  const live = alias(ruleVersions, 'live')
  const trial = alias(ruleVersions, 'trial')
  const head = alias(ruleVersions, 'head')
  let after = { revision, id: '' }
  for (;;) {
    let rows: {
      rule: typeof rules.$inferSelect
      live: string | null
      trial: string | null
      head: string | null
      headSamples: RuleTexts['headSamples'] | null
    }[]
    try {
      rows = await database
        .select({ rule: rules, live: live.yaml, trial: trial.yaml, head: head.yaml, headSamples: head.samples })
        .from(rules)
        .leftJoin(live, and(eq(live.ruleId, rules.id), eq(live.version, rules.liveVersion)))
        .leftJoin(trial, and(eq(trial.ruleId, rules.id), eq(trial.version, rules.testVersion)))
        .leftJoin(head, and(eq(head.ruleId, rules.id), eq(head.version, rules.headVersion)))
        .where(
          after.id === ''
            ? gt(rules.revision, after.revision)
            : sql`(${rules.revision}, ${rules.id}) > (${after.revision}, ${after.id})`,
        )
        .orderBy(rules.revision, rules.id)
        .limit(rowsAtOnce)
    } catch (error) {
      throw translateStoreError(error)
    }
    if (rows.length > 0) {
      yield rows.map(({ rule, ...texts }) => ({
        rule: ruleOf(rule),
        isRemoved: rule.removedAt !== null,
        live: texts.live,
        trial: texts.trial === null ? null : { version: rule.testVersion!, text: texts.trial },
        head: texts.head ?? '',
        headSamples: texts.headSamples ?? { fires: [], silent: [] },
      }))
    }
    const last = rows.at(-1)
    if (!last || rows.length < rowsAtOnce) return
    after = { revision: last.rule.revision, id: last.rule.id }
  }
}
