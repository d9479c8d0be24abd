import { useTranslation } from 'react-i18next'
import type { Schemas } from '../../api/client.ts'

type Problem = Schemas['Health']['problems'][number]

/** Problems and losses of the platform in the reader's language; in the server's words for what has none here. */
export function useHealthWords() {
  const { t, i18n } = useTranslation()
  const lossText = (counter: string, otherwise: string) => {
    const key = `health.loss.${counter}`
    return i18n.exists(key) ? t(key as 'health.loss.cutMessages') : otherwise
  }
  const problemText = ({ problem, parameters, message }: Problem) => {
    if (problem === 'loss')
      return t('health.problem.loss', {
        what: lossText(String(parameters.counter), message),
        number: parameters.value,
      })
    const state = (['starting', 'restarting', 'stopped'] as const).find((name) => name === parameters.status)
    return t(`health.problem.${problem}`, { ...parameters, status: state ? t(`health.states.${state}`) : '' })
  }
  return { lossText, problemText }
}
