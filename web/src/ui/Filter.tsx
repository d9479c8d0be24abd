import { DownOutlined } from '@ant-design/icons'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { useKeys } from './keys.ts'
import { Popup } from './Popup.tsx'

interface FilterProps {
  label: string
  /** Comma-separated choices, as they stand in the address; empty means all. */
  value: string | undefined
  options: { value: string; label: ReactNode }[]
  allLabel: string
  /** One choice only. */
  single?: boolean
  onChange(value: string | undefined): void
  testId?: string
}

/** A filter of a list: a button that says what is chosen, a box of checks. */
export function Filter({ label, value, options, allLabel, single = false, onChange, testId }: FilterProps) {
  const [at, setAt] = useState<DOMRect | null>(null)
  const [close] = useState(() => () => setAt(null))
  const chosen = value ? value.split(',') : []
  const names = options.filter((option) => chosen.includes(option.value))
  return (
    <>
      <button
        type="button"
        className={`button ${chosen.length > 0 ? 'on' : ''}`}
        aria-haspopup="dialog"
        data-testid={testId}
        onClick={(event) => setAt(event.currentTarget.getBoundingClientRect())}
      >
        <span className="faint">{label}</span>
        {names.length === 0 ? allLabel : names.map((option) => <span key={option.value}>{option.label}</span>)}
        <DownOutlined style={{ fontSize: 10 }} aria-hidden="true" />
      </button>
      {at ? (
        <Popup at={at} role="dialog" label={label} onClose={close}>
          {options.map((option) => (
            <label key={option.value} className="item">
              <input
                type={single ? 'radio' : 'checkbox'}
                name={single ? label : undefined}
                checked={chosen.includes(option.value)}
                onChange={(event) => {
                  if (single) {
                    onChange(option.value)
                    close()
                    return
                  }
                  const next = event.target.checked
                    ? [...chosen, option.value]
                    : chosen.filter((name) => name !== option.value)
                  onChange(next.join(',') || undefined)
                }}
              />
              {option.label}
            </label>
          ))}
          <hr />
          <button
            type="button"
            className="item"
            onClick={() => {
              onChange(undefined)
              close()
            }}
          >
            {allLabel}
          </button>
        </Popup>
      ) : null}
    </>
  )
}

/** Free text that filters a list a moment after typing stops; "/" jumps to it. */
export function FilterText({
  value,
  placeholder,
  onChange,
  width = 200,
}: {
  value: string | undefined
  placeholder: string
  onChange(value: string | undefined): void
  width?: number
}) {
  const input = useRef<HTMLInputElement>(null)
  const [text, setText] = useState(value ?? '')
  const latest = useRef(onChange)
  latest.current = onChange
  useEffect(() => setText(value ?? ''), [value])
  useKeys({ '/': () => input.current?.focus() })
  useEffect(() => {
    if (text === (value ?? '')) return
    const timer = setTimeout(() => latest.current(text.trim() || undefined), 300)
    return () => clearTimeout(timer)
  }, [text, value])
  return (
    <input
      ref={input}
      className="input small"
      type="search"
      data-testid="filter-text"
      style={{ width }}
      value={text}
      placeholder={placeholder}
      aria-label={placeholder}
      onChange={(event) => setText(event.target.value)}
      onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
    />
  )
}
