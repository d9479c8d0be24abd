import { type KeyboardEvent, type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { createPortal } from 'react-dom'

interface PopupProps {
  /** Where to open, in viewport coordinates. */
  at: { left: number; top: number; bottom: number; right?: number }
  label: string
  onClose(): void
  children: ReactNode
  role?: 'menu' | 'dialog'
  className?: string
}

/** A floating box that stays inside the window, closes on Escape or a click elsewhere, and gives focus back. */
export function Popup({ at, label, onClose, children, role = 'menu', className = '' }: PopupProps) {
  const box = useRef<HTMLDivElement>(null)
  const [place, setPlace] = useState<{ left: number; top: number }>({ left: at.left, top: at.bottom })

  useLayoutEffect(() => {
    const element = box.current
    if (!element) return
    const measure = () => {
      const { width, height } = element.getBoundingClientRect()
      const below = at.bottom + 4
      const top = below + height <= window.innerHeight - 8 ? below : Math.max(8, at.top - 4 - height)
      const wanted = at.right === undefined ? at.left : at.right - width
      setPlace({
        left: Math.max(8, Math.min(wanted, window.innerWidth - width - 8)),
        top: Math.min(top, Math.max(8, window.innerHeight - height - 8)),
      })
    }
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => observer.disconnect()
  }, [at])

  useEffect(() => {
    const before = document.activeElement as HTMLElement | null
    const first = box.current?.querySelector<HTMLElement>('[autofocus], .item:not(:disabled), input, button')
    ;(first ?? box.current)?.focus({ preventScroll: true })
    const onDown = (event: PointerEvent) => {
      const target = event.target as Element
      // Ant Design opens its own lists at the end of the document; they belong to the box that opened them.
      if (!box.current?.contains(target) && !target.closest?.('.ant-select-dropdown, .ant-picker-dropdown')) onClose()
    }
    document.addEventListener('pointerdown', onDown, true)
    return () => {
      document.removeEventListener('pointerdown', onDown, true)
      before?.focus?.({ preventScroll: true })
    }
  }, [onClose])

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      event.stopPropagation()
      onClose()
    } else if (role === 'menu' && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault()
      const items = [...(box.current?.querySelectorAll<HTMLElement>('.item:not(:disabled)') ?? [])]
      const index = items.indexOf(document.activeElement as HTMLElement)
      items[(index + (event.key === 'ArrowDown' ? 1 : -1) + items.length) % items.length]?.focus()
    }
  }

  return createPortal(
    // biome-ignore lint/a11y/noStaticElementInteractions: its role is menu or dialog
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: its role is menu or dialog
    <div
      ref={box}
      className={`popup ${className}`}
      role={role}
      aria-label={label}
      tabIndex={-1}
      style={place}
      onKeyDown={onKeyDown}
    >
      {children}
    </div>,
    document.body,
  )
}

export interface MenuItem {
  key: string
  label: ReactNode
  hint?: ReactNode
  icon?: ReactNode
  /** Why it cannot be chosen now; shown on hover. */
  disabled?: string
  href?: string
  onChoose?(): void
  divider?: boolean
  testId?: string
}

export function MenuItems({ items, onDone }: { items: MenuItem[]; onDone(): void }) {
  return items.map((item) =>
    item.divider ? (
      <hr key={item.key} />
    ) : item.href ? (
      <a key={item.key} className="item" role="menuitem" href={item.href} onClick={onDone} data-testid={item.testId}>
        {item.icon}
        {item.label}
        {item.hint ? <span className="hint">{item.hint}</span> : null}
      </a>
    ) : (
      <button
        key={item.key}
        type="button"
        className="item"
        role="menuitem"
        disabled={item.disabled !== undefined}
        title={item.disabled}
        data-testid={item.testId}
        onClick={() => {
          onDone()
          item.onChoose?.()
        }}
      >
        {item.icon}
        {item.label}
        {item.hint ? <span className="hint">{item.hint}</span> : null}
      </button>
    ),
  )
}

/** A button that opens a menu. */
export function MenuButton({
  label,
  items,
  children,
  className = 'tool',
  align = 'right',
  testId,
}: {
  label: string
  items: MenuItem[]
  children: ReactNode
  className?: string
  align?: 'left' | 'right'
  testId?: string
}) {
  const [at, setAt] = useState<DOMRect | null>(null)
  const [close] = useState(() => () => setAt(null))
  return (
    <>
      <button
        type="button"
        className={className}
        aria-haspopup="menu"
        aria-expanded={at !== null}
        aria-label={label}
        title={label}
        data-testid={testId}
        onClick={(event) => setAt(event.currentTarget.getBoundingClientRect())}
      >
        {children}
      </button>
      {at ? (
        <Popup
          at={{ left: at.left, top: at.top, bottom: at.bottom, right: align === 'right' ? at.right : undefined }}
          label={label}
          onClose={close}
        >
          <MenuItems items={items} onDone={close} />
        </Popup>
      ) : null}
    </>
  )
}
