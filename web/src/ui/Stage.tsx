import { useTranslation } from 'react-i18next'
import { earliest } from './attack.ts'

/** The furthest stage an incident has reached. */
export function Stage({ tactics: names }: { tactics: string[] }) {
  const { t } = useTranslation()
  const last = [...names].reverse().find((name) => earliest([name]) !== undefined)
  const tactic = last === undefined ? undefined : earliest([last])
  return tactic ? (
    <span title={names.map((name) => (earliest([name]) ? t(`tactic.${earliest([name])!}`) : name)).join(' → ')}>
      {t(`tactic.${tactic}`)}
    </span>
  ) : (
    <span className="faint">—</span>
  )
}
