/** A bounded map whose entries are forgotten `lifetimeMs` after they were set; at the bound the oldest goes. */
export class ExpiringMap<Value> {
  readonly sizeMax: number
  readonly lifetimeMs: number
  readonly #entries = new Map<string, { value: Value; setAtMs: number }>()

  constructor(sizeMax: number, lifetimeMs: number) {
    this.sizeMax = sizeMax
    this.lifetimeMs = lifetimeMs
  }

  get(key: string, nowMs: number): Value | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (nowMs - entry.setAtMs < this.lifetimeMs) return entry.value
    this.#entries.delete(key)
    return undefined
  }

  set(key: string, value: Value, nowMs: number): void {
    this.#entries.delete(key)
    if (this.#entries.size >= this.sizeMax) {
      const oldest = this.#entries.keys().next()
      if (!oldest.done) this.#entries.delete(oldest.value)
    }
    this.#entries.set(key, { value, setAtMs: nowMs })
  }

  clear(): void {
    this.#entries.clear()
  }
}
