// @vitest-environment happy-dom
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { startWords } from '../i18n/i18n.ts'
import { Table, type TableProps } from './Table.tsx'

interface Row {
  id: string
  name: string
}

const rowsOf = (count: number): Row[] =>
  Array.from({ length: count }, (_, index) => ({ id: String(index), name: `row ${index}` }))

let root: Root
let box: HTMLElement

beforeAll(async () => {
  ;(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true
  await startWords()
})

beforeEach(() => {
  localStorage.clear()
  box = document.createElement('div')
  document.body.append(box)
  root = createRoot(box)
})

afterEach(async () => {
  await act(async () => root.unmount())
  box.remove()
})

async function draw(props: Partial<TableProps<Row>>) {
  await act(async () =>
    root.render(
      <Table<Row>
        id="things"
        label="Things"
        columns={[
          { key: 'id', title: 'Id', width: 80, sortKey: 'id', render: (row) => row.id },
          { key: 'name', title: 'Name', width: 200, grow: true, render: (row) => row.name },
        ]}
        rowKey={(row) => row.id}
        rows={rowsOf(5)}
        {...props}
      />,
    ),
  )
}

const press = (key: string) =>
  act(async () => document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true })))
const shown = () => [...box.querySelectorAll<HTMLElement>('[data-testid="things-row"]')]

describe('the one table', () => {
  it('draws only the rows near the screen when there are many', async () => {
    await draw({ rows: rowsOf(5000), total: 120_000 })
    expect(shown().length).toBeLessThan(120)
    expect(box.textContent).toContain('120,000')
  })

  it('moves with j and k, opens with Enter, selects with x', async () => {
    const onOpen = vi.fn()
    const onSelect = vi.fn()
    await draw({ onOpen, onSelect, selected: new Set() })
    await press('j')
    await press('j')
    await press('k')
    await press('Enter')
    expect(onOpen).toHaveBeenLastCalledWith({ id: '0', name: 'row 0' })
    await press('j')
    await press('x')
    expect([...onSelect.mock.lastCall![0]]).toEqual(['1'])
  })

  it('leaves the keys alone while somebody types', async () => {
    const onOpen = vi.fn()
    await draw({ onOpen })
    const input = document.createElement('input')
    box.append(input)
    await act(async () => input.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true })))
    expect(box.querySelector('.cursor')).toBeNull()
  })

  it('asks the server to sort, and only by what it can', async () => {
    const onSort = vi.fn()
    await draw({ onSort, sort: { key: 'id', descending: true } })
    const [id, name] = [...box.querySelectorAll<HTMLElement>('th')]
    await act(async () => id!.click())
    expect(onSort).toHaveBeenCalledWith({ key: 'id', descending: false })
    await act(async () => name!.click())
    expect(onSort).toHaveBeenCalledTimes(1)
    expect(id!.getAttribute('aria-sort')).toBe('descending')
  })

  it('shows outlines while loading, the empty state when there is nothing, the problem when it failed', async () => {
    await draw({ rows: undefined, loading: true })
    expect(box.querySelectorAll('[data-testid="skeleton-row"]').length).toBeGreaterThan(3)
    await draw({ rows: [], empty: <p>nothing yet</p> })
    expect(box.textContent).toContain('nothing yet')
    await draw({ rows: undefined, error: new Error('broken') })
    expect(box.querySelector('[role="alert"]')?.textContent).toContain('broken')
  })

  it('asks on for who waits at the end when the page asked for did not come, but not after a failure', async () => {
    const onMore = vi.fn()
    await draw({ hasMore: true, loadingMore: true, onMore })
    box.querySelector('.table-scroll')!.scrollTop = 40
    await draw({ hasMore: true, loadingMore: true, onMore })
    expect(onMore).not.toHaveBeenCalled()
    await draw({ hasMore: true, loadingMore: false, onMore })
    expect(onMore).toHaveBeenCalledTimes(1)
    await draw({ hasMore: true, loadingMore: true, onMore })
    await draw({ hasMore: true, loadingMore: false, error: new Error('broken'), onMore })
    expect(onMore).toHaveBeenCalledTimes(1)
  })

  it('remembers the columns that were chosen', async () => {
    localStorage.setItem('watchfire.table.things', JSON.stringify({ shown: ['name'] }))
    await draw({})
    expect([...box.querySelectorAll('th')].map((cell) => cell.textContent)).toEqual(['Name'])
  })
})
