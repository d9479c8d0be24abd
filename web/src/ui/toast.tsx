import { useSyncExternalStore } from 'react'
import { createPortal } from 'react-dom'

/** Short answers to what was just done, with at most one thing to do about it (usually undo). */
export interface Toast {
  id: number
  text: string
  kind: 'info' | 'error'
  action?: { label: string; run(): void }
}

const limit = 4
let toasts: Toast[] = []
let nextId = 1
const listeners = new Set<() => void>()

function set(next: Toast[]) {
  toasts = next
  for (const listener of listeners) listener()
}

export function toast(
  text: string,
  options: { kind?: Toast['kind']; action?: Toast['action']; seconds?: number } = {},
): void {
  const id = nextId++
  set([...toasts.slice(1 - limit), { id, text, kind: options.kind ?? 'info', action: options.action }])
  setTimeout(() => dismiss(id), (options.seconds ?? (options.action ? 12 : 5)) * 1000)
}

function dismiss(id: number): void {
  set(toasts.filter((toast) => toast.id !== id))
}

function subscribe(listener: () => void) {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}

export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts)
  return createPortal(
    <div className="toasts" role="status" aria-live="polite">
      {shown.map(({ id, text, kind, action }) => (
        <div key={id} className={`toast ${kind}`} data-testid="toast">
          <span>{text}</span>
          {action ? (
            <button
              type="button"
              className="plain"
              data-testid="toast-action"
              onClick={() => {
                dismiss(id)
                action.run()
              }}
            >
              {action.label}
            </button>
          ) : null}
        </div>
      ))}
    </div>,
    document.body,
  )
}
