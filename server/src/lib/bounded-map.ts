/**
 * A map that never holds more than `limit` entries: beyond it the older half is forgotten at once. Two generations
 * cost less than an exact least-recently-used list and keep what is in use: a hit in the old one moves to the new.
 */
export class BoundedMap<Key, Value> {
  private young = new Map<Key, Value>()
  private old = new Map<Key, Value>()
  private readonly half: number
  evictions = 0

  constructor(limit: number) {
    this.half = Math.max(1, limit >> 1)
  }

  get(key: Key): Value | undefined {
    const value = this.young.get(key)
    if (value !== undefined) return value
    const older = this.old.get(key)
    if (older !== undefined) this.set(key, older)
    return older
  }

  set(key: Key, value: Value): void {
    if (this.young.size >= this.half) {
      this.evictions += this.old.size
      this.old = this.young
      this.young = new Map()
    }
    this.young.set(key, value)
  }

  clear(): void {
    this.young.clear()
    this.old.clear()
  }

  get size(): number {
    return this.young.size + this.old.size
  }
}
