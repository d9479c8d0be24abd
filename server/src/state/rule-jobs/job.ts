import { CodedError } from '../../event/errors.ts'
import type { ruleJobs } from '../../seams/store/schema/rules.ts'

/** Work on rules that takes long, as people see it. */
export type RuleJob = typeof ruleJobs.$inferSelect

export function jobNotFound(id: number): CodedError {
  return new CodedError('NOT_FOUND', `rule-job:${id} was not found`, { target: `rule-job:${id}` })
}
