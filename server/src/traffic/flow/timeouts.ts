import type { FlowTable } from './flow-table.ts'

/** How long a flow may be silent, by what it is; Zeek's own defaults, save that attempts are kept 30 s instead of 5. */
export const timeoutClass = { attempt: 0, datagrams: 1, established: 2, closed: 3 } as const
const timeoutUs = [30e6, 60e6, 300e6, 5e6] as const

/**
 * Flows in the order in which they may time out, one ring a class. A flow moves only when its turn comes and it has
 * spoken since, so that a packet costs nothing here.
 */
export class Timeouts {
  /** First and last row of each class, or -1. */
  private readonly first = new Int32Array(timeoutUs.length).fill(-1)
  private readonly last = new Int32Array(timeoutUs.length).fill(-1)
  private readonly table: FlowTable
  private classes = new Uint8Array(4_096)
  /** Time of the last packet when the flow took its place in the ring. */
  private placedUs = new Float64Array(4_096)

  constructor(table: FlowTable) {
    this.table = table
  }

  add(row: number, kind: number): void {
    const { table } = this
    if (row >= this.classes.length) {
      const longer = new Uint8Array(Math.max(row + 1, 2 * this.classes.length))
      longer.set(this.classes)
      this.classes = longer
      const times = new Float64Array(longer.length)
      times.set(this.placedUs)
      this.placedUs = times
    }
    this.classes[row] = kind
    this.placedUs[row] = table.lastUs[row]!
    const last = this.last[kind]!
    table.listPrevious[row] = last
    table.listNext[row] = -1
    if (last < 0) this.first[kind] = row
    else table.listNext[last] = row
    this.last[kind] = row
  }

  remove(row: number): void {
    const { table } = this
    const kind = this.classes[row]!
    const previous = table.listPrevious[row]!
    const next = table.listNext[row]!
    if (previous < 0) this.first[kind] = next
    else table.listNext[previous] = next
    if (next < 0) this.last[kind] = previous
    else table.listPrevious[next] = previous
  }

  move(row: number, kind: number): void {
    if (this.classes[row] === kind) return
    this.remove(row)
    this.add(row, kind)
  }

  /** Ends all flows whose time is over at `nowUs`. */
  expire(nowUs: number, end: (row: number) => void): void {
    for (let kind = 0; kind < timeoutUs.length; kind++) {
      const timeout = timeoutUs[kind]!
      for (let row = this.first[kind]!; row >= 0; row = this.first[kind]!) {
        // All behind it took their place later.
        if (this.placedUs[row]! + timeout > nowUs) break
        if (this.table.lastUs[row]! + timeout > nowUs) {
          this.remove(row)
          this.add(row, kind)
        } else end(row)
      }
    }
  }

  /** The row that may be ended first when room is needed: attempts before datagrams before what is established. */
  oldest(): number {
    for (const kind of [timeoutClass.closed, timeoutClass.attempt, timeoutClass.datagrams, timeoutClass.established]) {
      if (this.first[kind]! >= 0) return this.first[kind]!
    }
    return -1
  }

  /** Every open flow, for the end of the capture. */
  *all(): Generator<number> {
    for (let kind = 0; kind < timeoutUs.length; kind++) {
      let row = this.first[kind]!
      while (row >= 0) {
        const next = this.table.listNext[row]!
        yield row
        row = next
      }
    }
  }
}
