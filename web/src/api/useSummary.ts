import { useCallback } from 'react'
import { useInLanguage } from '../i18n/useInLanguage.ts'
import type { Schemas } from './client.ts'

type Told = Pick<Schemas['Detection'], 'ruleTitle' | 'ruleTitleZh' | 'summary' | 'summaryZh'>

/** The one line of a detection in the reader's language; its rule's title where it has none. */
export function useSummary(): (detection: Told) => string {
  const inLanguage = useInLanguage()
  return useCallback(
    ({ ruleTitle, ruleTitleZh, summary, summaryZh }) =>
      inLanguage(summary, summaryZh) || inLanguage(ruleTitle, ruleTitleZh),
    [inLanguage],
  )
}
