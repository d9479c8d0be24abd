import { describe, expect, it } from 'vitest'
import { type Column, fittingColumns, formatSort, parseSort, shownColumns, visibleRows } from './columns.ts'

const column = (key: string, hidden = false): Column<unknown> => ({
  key,
  title: key,
  width: 80,
  hidden,
  render: () => null,
})

describe('columns', () => {
  it('keeps the declared order whatever order they were chosen in, and forgets unknown names', () => {
    const columns = [column('time'), column('host'), column('rule', true)]
    expect(shownColumns(columns, {}).map(({ key }) => key)).toEqual(['time', 'host'])
    expect(shownColumns(columns, { shown: ['rule', 'gone', 'time'] }).map(({ key }) => key)).toEqual(['time', 'rule'])
    expect(shownColumns(columns, { shown: ['gone'] }).map(({ key }) => key)).toEqual(['time'])
  })

  it('leaves minor columns out one by one, the last first, until the rest fit', () => {
    const minor = (key: string) => ({ ...column(key), minor: true })
    const columns = [column('time'), minor('unit'), column('name'), minor('owner'), minor('kind')]
    const keys = (room: number, memory = {}) => fittingColumns(columns, memory, room).map(({ key }) => key)
    expect(keys(400)).toEqual(['time', 'unit', 'name', 'owner', 'kind'])
    expect(keys(399)).toEqual(['time', 'unit', 'name', 'owner'])
    expect(keys(300)).toEqual(['time', 'unit', 'name'])
    expect(keys(10)).toEqual(['time', 'name'])
    expect(keys(400, { widths: { name: 500 } })).toHaveLength(5)
  })

  it('reads and writes the sort of a link', () => {
    expect(parseSort('-score')).toEqual({ key: 'score', descending: true })
    expect(formatSort(parseSort('-score'))).toBe('-score')
    expect(formatSort(parseSort('created'))).toBe('created')
    expect(parseSort('')).toBeUndefined()
  })

  it('shows a window that covers the screen and never leaves the list', () => {
    expect(visibleRows(1000, 3200, 640, 32, 10)).toEqual([90, 130])
    expect(visibleRows(5, 0, 640, 32)).toEqual([0, 5])
    expect(visibleRows(5, 99_999, 640, 32, 2)).toEqual([3, 5])
    expect(visibleRows(0, 0, 640, 32)).toEqual([0, 0])
  })
})
