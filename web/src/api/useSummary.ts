import { useCallback } from 'react'
import { useRuleTitle } from './useRuleTitle.ts'

/** The one line of a detection, with the rule's title in the reader's language where the line begins with it. */
export function useSummary(): (detection: { ruleId: string; ruleTitle: string; summary: string }) => string {
  const titleOf = useRuleTitle()
  return useCallback(
    ({ ruleId, ruleTitle, summary }) => {
      const title = titleOf(ruleId, ruleTitle)
      if (!summary) return title
      return summary.startsWith(ruleTitle) ? title + summary.slice(ruleTitle.length) : summary
    },
    [titleOf],
  )
}
