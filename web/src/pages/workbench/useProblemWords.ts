import { useTranslation } from 'react-i18next'
import type { Schemas } from '../../api/client.ts'

type Problem = Pick<Schemas['RuleProblem'], 'code' | 'hint'>

/** What a problem of a rule is called and what helps, in the reader's language by its code; in the server's words without. */
export function useProblemWords() {
  const { t, i18n } = useTranslation()
  const worded = (key: string, otherwise: string) => (i18n.exists(key) ? t(key as 'ruleProblem.name.yaml') : otherwise)
  return {
    name: ({ code }: Problem) => worded(`ruleProblem.name.${code}`, code),
    hint: ({ code, hint }: Problem) => (hint === '' ? '' : worded(`ruleProblem.hint.${code}`, hint)),
  }
}
