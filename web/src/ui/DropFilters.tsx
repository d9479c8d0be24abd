import { useTranslation } from 'react-i18next'
import { useRuleTitle } from '../api/useRuleTitle.ts'
import { formatTime, resolveTime } from './time.ts'
import { useUrl } from './useUrl.ts'

/** Filters that came with a link and have no control of their own: named, and dropped with a click. */
export function DropFilters({ names }: { names: readonly ('entity' | 'rule' | 'exception' | 'opened' | 'closed')[] }) {
  const { t } = useTranslation()
  const titleOf = useRuleTitle()
  const [url, setUrl] = useUrl()
  const shown = (name: string, value: string) => {
    if (name === 'rule') return titleOf(value)
    if (name === 'exception') return `#${value}`
    if (name !== 'opened' && name !== 'closed') return value
    if (value === 'now-24h') return t('time.last.24h')
    const timeMs = resolveTime(value, Date.now())
    return timeMs === undefined ? value : formatTime(timeMs)
  }
  return names.map((name) => {
    const value = url[name]
    if (!value) return null
    return (
      <button
        key={name}
        type="button"
        className="button on"
        title={t('filter.drop')}
        data-testid={`drop-${name}`}
        onClick={() => setUrl({ [name]: undefined })}
      >
        <span className="faint">{t(`filter.${name}`)}</span>
        <span className="ellipsis" style={{ maxWidth: 200 }}>
          {shown(name, value)}
        </span>
        ✕
      </button>
    )
  })
}
