import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../../api/client.ts'
import { ruleMessageInChinese } from '../../i18n/rule-messages.zh-CN.ts'

type Problem = Pick<Schemas['RuleProblem'], 'code' | 'hint'>

/** What a problem of a rule is called, what is said of it and what helps, in the reader's language; in the server's words without. */
export function useProblemWords() {
  const { t, i18n } = useTranslation()
  const isEnglish = i18n.language === 'en'
  return useMemo(() => {
    const worded = (key: string, otherwise: string) =>
      i18n.exists(key) ? t(key as 'ruleProblem.name.yaml') : otherwise
    return {
      name: (code: string) => worded(`ruleProblem.name.${code}`, code),
      message: (text: string) => (isEnglish ? text : (ruleMessageInChinese(text) ?? text)),
      hint: ({ code, hint }: Problem) => (hint === '' ? '' : worded(`ruleProblem.hint.${code}`, hint)),
    }
  }, [t, i18n, isEnglish])
}
