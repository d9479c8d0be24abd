import { useId } from 'react'
import { formatNumber } from './format.ts'

export interface Tab {
  key: string
  label: string
  count?: number
}

/** Tabs whose choice lives in the address; arrows move between them. */
export function Tabs({
  tabs,
  active,
  onChange,
  label,
}: {
  tabs: Tab[]
  active: string
  onChange(key: string): void
  label: string
}) {
  const id = useId()
  return (
    <div className="tabs" role="tablist" aria-label={label}>
      {tabs.map(({ key, label: name, count }, index) => (
        <button
          key={key}
          id={`${id}-${key}`}
          type="button"
          role="tab"
          aria-selected={key === active}
          tabIndex={key === active ? 0 : -1}
          data-testid={`tab-${key}`}
          onClick={() => onChange(key)}
          onKeyDown={(event) => {
            const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
            if (!step) return
            const next = tabs[(index + step + tabs.length) % tabs.length]
            if (!next) return
            onChange(next.key)
            document.getElementById(`${id}-${next.key}`)?.focus()
          }}
        >
          {name}
          {count === undefined ? null : <span className="count">{formatNumber(count)}</span>}
        </button>
      ))}
    </div>
  )
}
