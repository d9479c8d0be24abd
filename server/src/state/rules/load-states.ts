import { ruleStates } from '../../seams/store/schema/rules.ts'
import type { Database } from '../../seams/store/store.ts'
import { translateStoreError } from '../store-error.ts'

export interface RuleState {
  ruleId: string
  enabled: boolean
  /** Why, in the words of whoever switched it. */
  note: string
  changedAt: Date
  changedBy: string
  /** 1 from the first switching, and one more with each. */
  version: number
}

/** What people switched, by rule id, for the detection threads; a rule that is not in it is as its file says. */
export async function loadRuleStates(database: Database): Promise<Map<string, RuleState>> {
  try {
    const rows = await database.select().from(ruleStates)
    return new Map(rows.map((row) => [row.ruleId, row]))
  } catch (error) {
    throw translateStoreError(error)
  }
}
