/** A rule on trial stands in the rule set under an id of its own, so that it runs beside the version in force. */
const trialPrefix = 'trial~'

/** Id in the rule set of the version on trial. */
export function trialId(ruleId: string): string {
  return trialPrefix + ruleId
}

/** The rule's own id when `id` is that of a version on trial. */
export function triedRule(id: string): string | undefined {
  return id.startsWith(trialPrefix) ? id.slice(trialPrefix.length) : undefined
}
