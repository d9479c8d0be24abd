/** What this person chose on this device (language, theme, columns, widths): never data, never a secret. */
const prefix = 'watchfire.'

export function remember(name: string, value: unknown): void {
  try {
    localStorage.setItem(prefix + name, JSON.stringify(value))
  } catch {
    // Storage may be forbidden or full; the choice then lasts until the page is closed.
  }
}

export function recall<Value>(name: string): Value | undefined {
  try {
    const text = localStorage.getItem(prefix + name)
    return text === null ? undefined : (JSON.parse(text) as Value)
  } catch {
    return undefined
  }
}
