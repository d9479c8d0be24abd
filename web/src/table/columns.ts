import type { ReactNode } from 'react'

export interface Column<Row> {
  key: string
  title: string
  /** Pixels; the person may drag it wider. */
  width: number
  /** Takes what is left of the width. */
  grow?: boolean
  align?: 'right'
  /** Name the server sorts by; absent when it cannot. */
  sortKey?: string
  /** Off until chosen. */
  hidden?: boolean
  /** Left out while there is no room for it, e.g. beside an open detail; the last of the minor ones goes first. */
  minor?: boolean
  render(row: Row): ReactNode
}

/** What a person did to a table's columns on this device. */
export interface ColumnMemory {
  shown?: string[]
  widths?: Record<string, number>
}

/** The columns to show, in their order; a column that no longer exists is forgotten, at least one always stays. */
export function shownColumns<Row>(columns: Column<Row>[], memory: ColumnMemory): Column<Row>[] {
  const chosen = memory.shown
  const shown = chosen ? columns.filter(({ key }) => chosen.includes(key)) : columns.filter(({ hidden }) => !hidden)
  return shown.length > 0 ? shown : columns.slice(0, 1)
}

/**
 * The columns there is room for in `room` pixels: minor ones are left out one by one, the last first, until the rest fit.
 * What a person dragged wider does not push others out; then the table scrolls.
 */
export function fittingColumns<Row>(columns: Column<Row>[], memory: ColumnMemory, room: number): Column<Row>[] {
  const widthOf = ({ key, width }: Column<Row>) => Math.min(memory.widths?.[key] ?? width, width)
  let needed = columns.reduce((sum, column) => sum + widthOf(column), 0)
  const left = new Set<string>()
  for (const column of columns.toReversed()) {
    if (needed <= room) break
    if (!column.minor) continue
    left.add(column.key)
    needed -= widthOf(column)
  }
  return left.size > 0 ? columns.filter(({ key }) => !left.has(key)) : columns
}

export interface Sort {
  key: string
  descending: boolean
}

/** "-score" <-> { key: 'score', descending: true }: the way lists are sorted in links and in the API. */
export function parseSort(text: string | undefined): Sort | undefined {
  if (!text) return undefined
  return text.startsWith('-') ? { key: text.slice(1), descending: true } : { key: text, descending: false }
}

export function formatSort(sort: Sort | undefined): string | undefined {
  return sort ? `${sort.descending ? '-' : ''}${sort.key}` : undefined
}

/** Rows of the window around the scroll position, with `spare` rows above and below. */
export function visibleRows(
  total: number,
  scrollTop: number,
  height: number,
  rowHeight: number,
  spare = 12,
): [number, number] {
  const first = Math.max(0, Math.min(total, Math.floor(scrollTop / rowHeight)) - spare)
  const last = Math.min(total, Math.ceil((scrollTop + height) / rowHeight) + spare)
  return [first, last]
}
