import { useTranslation } from 'react-i18next'
import { useRuleTitle } from '../api/useRuleTitle.ts'
import { useUrl } from './useUrl.ts'

/** Filters that came with a link and have no control of their own: named, and dropped with a click. */
export function DropFilters({ names }: { names: readonly ('entity' | 'rule' | 'exception')[] }) {
  const { t } = useTranslation()
  const titleOf = useRuleTitle()
  const [url, setUrl] = useUrl()
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
          {name === 'rule' ? titleOf(value) : name === 'exception' ? `#${value}` : value}
        </span>
        ✕
      </button>
    )
  })
}
