/** A rule on trial stands in the rule set under an id of its own, so that it runs beside the version in force. */
const trialForm = /^trial~(\d+)~(.+)$/

/** Id in the rule set of the version on trial. */
export function trialId(ruleId: string, version: number): string {
  return `trial~${version}~${ruleId}`
}

/** The rule's own id and its version when `id` is that of a version on trial. */
export function triedRule(id: string): { ruleId: string; version: number } | undefined {
  const found = trialForm.exec(id)
  return found ? { ruleId: found[2]!, version: Number(found[1]) } : undefined
}
