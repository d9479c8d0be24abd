import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { ifMatch, sendChange } from '../../forms/conflict.ts'
import { toast } from '../../ui/toast.tsx'

type Rule = Schemas['Rule']

/** Switches a rule on or off and says so. */
export function useRuleSwitch() {
  const { t } = useTranslation()
  const inLanguage = useRuleText()
  const queries = useQueryClient()
  const change = useMutation({
    mutationFn: ({ id, version, enabled }: Pick<Rule, 'id' | 'version' | 'enabled'>) =>
      sendChange(version, (seen) =>
        answer(api.PATCH('/api/v1/rules/{id}', { params: { path: { id }, header: ifMatch(seen) }, body: { enabled } })),
      ),
    onSuccess: async (rule) => {
      await queries.invalidateQueries({ queryKey: ['rules'] })
      const { title } = inLanguage(rule)
      toast(rule.enabled ? t('rule.switchedOn', { title }) : t('rule.switchedOff', { title }), {
        action: {
          label: t('actions.undo'),
          run: () => change.mutate({ id: rule.id, version: rule.version, enabled: !rule.enabled }),
        },
      })
    },
  })
  return change
}

/** Title and description in the reader's language; English where the rule has no Chinese. */
export function useRuleText(): (rule: Pick<Rule, 'title' | 'titleZh' | 'description' | 'descriptionZh'>) => {
  title: string
  description: string
} {
  const { i18n } = useTranslation()
  const isEnglish = i18n.language === 'en'
  return useCallback(
    (rule) =>
      isEnglish ? rule : { title: rule.titleZh ?? rule.title, description: rule.descriptionZh ?? rule.description },
    [isEnglish],
  )
}

/** Whether it could fire now; if not, why, on hover. */
export function CanFire({ rule }: { rule: Pick<Rule, 'canFire' | 'cannotFireReasons' | 'enabled'> }) {
  const { t } = useTranslation()
  if (rule.canFire) return <span className="good">● {t('rule.can')}</span>
  return (
    <span
      className={rule.enabled ? 'bad' : 'faint'}
      title={rule.cannotFireReasons.map((name) => t(`rule.cannotReason.${name}`)).join('\n')}
    >
      {rule.enabled ? '▲' : '○'} {t('rule.cannot')}
    </span>
  )
}
