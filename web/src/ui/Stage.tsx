import { useTranslation } from 'react-i18next'
import { earliest } from './attack.ts'

/** The furthest of some stages; of an incident that of the stages its title and its score count, where they name any. */
export function Stage({ tactics: names, counted }: { tactics: string[]; counted?: string[] }) {
  const { t } = useTranslation()
  const last = (counted?.length ? counted : names).toReversed().find((name) => earliest([name]) !== undefined)
  const tactic = last === undefined ? undefined : earliest([last])
  return tactic ? (
    <span title={names.map((name) => (earliest([name]) ? t(`tactic.${earliest([name])!}`) : name)).join(' → ')}>
      {t(`tactic.${tactic}`)}
    </span>
  ) : (
    <span className="faint">—</span>
  )
}
