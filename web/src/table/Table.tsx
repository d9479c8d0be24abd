import {
  type MouseEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { useTranslation } from 'react-i18next'
import { formatNumber } from '../ui/format.ts'
import { useKeys } from '../ui/keys.ts'
import { recall, remember } from '../ui/remember.ts'
import { Problem } from '../ui/States.tsx'
import { ColumnChooser } from './ColumnChooser.tsx'
import { type Column, type ColumnMemory, fittingColumns, type Sort, shownColumns, visibleRows } from './columns.ts'
import { ExportMenu } from './ExportMenu.tsx'

const rowHeight = 32
/** Of the column of check boxes. */
const checkWidth = 34
/** So near the end of what is loaded the next page is asked for. */
const nearEnd = 320
/** Above this many rows only those near the screen are drawn. */
const windowAbove = 200

export interface TableProps<Row> {
  /** Columns and widths are remembered under this name. */
  id: string
  label: string
  columns: Column<Row>[]
  rows: Row[] | undefined
  rowKey(row: Row): string
  /** All there are, also those not loaded. */
  total?: number
  loading?: boolean
  error?: unknown
  onRetry?(): void
  empty?: ReactNode
  sort?: Sort
  onSort?(sort: Sort): void
  selected?: ReadonlySet<string>
  onSelect?(selected: Set<string>): void
  /** The row whose detail is open. */
  activeKey?: string
  onOpen?(row: Row): void
  hasMore?: boolean
  onMore?(): void
  loadingMore?: boolean
  /** Left of the tool line: bulk actions, counts. */
  tools?: ReactNode
  /** Right of the tool line: export and the like. */
  endTools?: ReactNode
  /** Off for second tables of a page, so that j and k mean one thing. */
  keyboard?: boolean
  /** Rows that just arrived, lit for a moment. */
  fresh?: ReadonlySet<string>
  /** The page keeps its own columns (log search). */
  chooser?: boolean
  /** Something the list shows was changed, and it is too long to be asked for anew by itself. */
  held?: boolean
  onRelease?(): void
  /** Everything the list is about; with it the list can be exported. */
  allPages?(): AsyncIterable<object[]>
  /** The server exports this list itself. */
  ownExport?: boolean
}

/** The one table: remembered columns, sticky head, server-side sort, windowed rows, selection, keyboard. */
export function Table<Row>(props: TableProps<Row>) {
  const { id, label, rows, rowKey, selected, onSelect, activeKey, onOpen, keyboard = true, chooser = true } = props
  const { t } = useTranslation()
  const [memory, setMemory] = useState<ColumnMemory>(() => recall<ColumnMemory>(`table.${id}`) ?? {})
  const change = useCallback(
    (next: ColumnMemory) => {
      remember(`table.${id}`, next)
      setMemory(next)
    },
    [id],
  )
  const scroll = useRef<HTMLDivElement>(null)
  const [cursor, setCursor] = useState(-1)
  const [view, setView] = useState({ top: 0, height: 800, width: 1200 })
  const count = rows?.length ?? 0
  const room = view.width - (onSelect ? checkWidth : 0)
  const columns = useMemo(() => {
    const chosen = chooser ? shownColumns(props.columns, memory) : props.columns
    return fittingColumns(chosen, memory, room)
  }, [props.columns, memory, chooser, room])

  useLayoutEffect(() => {
    const element = scroll.current
    if (!element) return
    const observer = new ResizeObserver(() =>
      setView({ top: element.scrollTop, height: element.clientHeight, width: element.clientWidth }),
    )
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  const activeIndex = useMemo(
    () => (activeKey && rows ? rows.findIndex((row) => rowKey(row) === activeKey) : -1),
    [activeKey, rows, rowKey],
  )
  useEffect(() => {
    if (activeIndex >= 0) setCursor(activeIndex)
  }, [activeIndex])

  // Who waits at the end of the rows gets the next page without scrolling again, also when the one asked for was taken
  // back. A table that is not scrolled asks for nothing by itself.
  const { hasMore, loadingMore, onMore, error } = props
  const canAsk = hasMore === true && !loadingMore && !error
  const ask = useRef(onMore)
  ask.current = onMore
  // biome-ignore lint/correctness/useExhaustiveDependencies: the rows are what moves the end
  useEffect(() => {
    const element = scroll.current
    if (!canAsk || !element || element.scrollTop === 0) return
    if (element.scrollHeight - element.scrollTop - element.clientHeight < nearEnd) ask.current?.()
  }, [canAsk, count])

  const windowed = count > windowAbove
  const [first, last] = windowed ? visibleRows(count, view.top, view.height, rowHeight) : [0, count]
  const current = cursor >= 0 && cursor < count ? rows?.[cursor] : undefined

  const moveTo = (index: number) => {
    if (!rows || count === 0) return
    const next = Math.max(0, Math.min(count - 1, index))
    setCursor(next)
    const element = scroll.current
    if (element) {
      // Enter then means the row, not the link or button that was used last.
      element.focus({ preventScroll: true })
      const top = next * rowHeight
      if (top < element.scrollTop) element.scrollTop = top
      else if (top + rowHeight * 2.2 > element.scrollTop + element.clientHeight)
        element.scrollTop = top + rowHeight * 2.2 - element.clientHeight
    }
    // With a detail open, moving the cursor moves the detail: triage with one hand.
    if (activeKey && onOpen) onOpen(rows[next]!)
    if (next >= count - 3 && props.hasMore && !props.loadingMore) props.onMore?.()
  }
  const toggle = (key: string) => {
    if (!onSelect) return
    const next = new Set(selected)
    if (!next.delete(key)) next.add(key)
    onSelect(next)
  }
  useKeys(
    {
      j: () => moveTo(cursor + 1),
      k: () => moveTo(cursor - 1),
      ArrowDown: () => moveTo(cursor + 1),
      ArrowUp: () => moveTo(cursor - 1),
      x: () => current && toggle(rowKey(current)),
      Enter: () => current && onOpen?.(current),
    },
    keyboard && count > 0,
  )

  const allSelected =
    count > 0 && selected !== undefined && rows !== undefined && rows.every((row) => selected.has(rowKey(row)))
  const openRow = (event: MouseEvent, row: Row, index: number) => {
    const target = event.target as Element
    if (target.closest('a, button, input, label, .value, .ant-switch, .ant-select')) return
    if (window.getSelection()?.toString()) return
    setCursor(index)
    onOpen?.(row)
  }
  const allPages = props.ownExport ? undefined : props.allPages
  const showTools = props.tools !== undefined || props.endTools !== undefined || chooser || allPages !== undefined

  return (
    <div className="table-box card">
      {showTools ? (
        <div className="table-tools">
          <div className="start">{props.tools}</div>
          <div className="end">
            {props.endTools}
            {allPages ? <ExportMenu name={id} pages={allPages} /> : null}
            {chooser ? <ColumnChooser columns={props.columns} memory={memory} onChange={change} /> : null}
          </div>
        </div>
      ) : null}
      <div
        ref={scroll}
        className="table-scroll"
        tabIndex={-1}
        onScroll={(event) => {
          const { scrollTop, clientHeight, scrollHeight } = event.currentTarget
          if (windowed) setView((before) => ({ ...before, top: scrollTop, height: clientHeight }))
          if (props.hasMore && !props.loadingMore && scrollHeight - scrollTop - clientHeight < nearEnd) props.onMore?.()
        }}
      >
        <table
          aria-label={label}
          aria-rowcount={props.total ?? count}
          data-testid={`table-${id}`}
          style={{ minWidth: widthOf(columns, memory, onSelect !== undefined) }}
        >
          <colgroup>
            {onSelect ? <col style={{ width: checkWidth }} /> : null}
            {columns.map((column) => (
              <col
                key={column.key}
                style={
                  column.grow && !memory.widths?.[column.key]
                    ? undefined
                    : { width: memory.widths?.[column.key] ?? column.width }
                }
              />
            ))}
          </colgroup>
          <thead>
            <tr>
              {onSelect ? (
                <th className="check">
                  <input
                    type="checkbox"
                    aria-label={t('table.selectAll')}
                    checked={allSelected}
                    onChange={() => onSelect(allSelected ? new Set() : new Set(rows?.map(rowKey)))}
                  />
                </th>
              ) : null}
              {columns.map((column) => (
                <HeadCell
                  key={column.key}
                  column={column}
                  sort={props.sort}
                  onSort={props.onSort}
                  onWidth={(width) => change({ ...memory, widths: { ...memory.widths, [column.key]: width } })}
                />
              ))}
            </tr>
          </thead>
          <tbody>
            {first > 0 ? <tr style={{ height: first * rowHeight }} /> : null}
            {rows?.slice(first, last).map((row, offset) => {
              const index = first + offset
              const key = rowKey(row)
              const isSelected = selected?.has(key) ?? false
              const names = ['data']
              if (onOpen) names.push('openable')
              if (index === cursor) names.push('cursor')
              if (key === activeKey) names.push('active')
              if (props.fresh?.has(key)) names.push('fresh')
              return (
                <tr
                  key={key}
                  className={names.join(' ')}
                  aria-selected={isSelected}
                  aria-rowindex={index + 1}
                  data-testid={`${id}-row`}
                  data-key={key}
                  onClick={(event) => openRow(event, row, index)}
                >
                  {onSelect ? (
                    <td className="check">
                      <input
                        type="checkbox"
                        aria-label={t('table.selectRow')}
                        checked={isSelected}
                        onChange={() => toggle(key)}
                      />
                    </td>
                  ) : null}
                  {columns.map((column) => (
                    <td key={column.key} className={column.align}>
                      {column.render(row)}
                    </td>
                  ))}
                </tr>
              )
            })}
            {last < count ? <tr style={{ height: (count - last) * rowHeight }} /> : null}
            {rows === undefined && props.loading ? (
              <SkeletonRows columns={columns.length + (onSelect ? 1 : 0)} />
            ) : null}
          </tbody>
        </table>
        {props.error ? (
          <div style={{ padding: 12 }}>
            <Problem error={props.error} onRetry={props.onRetry} />
          </div>
        ) : count === 0 && !props.loading ? (
          props.empty
        ) : null}
      </div>
      <div className="table-foot">
        <span className="number">
          {props.total !== undefined && props.total !== count
            ? t('table.shownOf', { shown: formatNumber(count), total: formatNumber(props.total) })
            : t('table.shown', { shown: formatNumber(count) })}
        </span>
        {props.hasMore ? (
          <button
            type="button"
            className="plain"
            style={{ color: 'var(--accent)' }}
            disabled={props.loadingMore}
            onClick={props.onMore}
          >
            {props.loadingMore ? t('states.loading') : t('table.more')}
          </button>
        ) : null}
        {props.held ? (
          <button type="button" className="plain warn" data-testid="list-held" onClick={props.onRelease}>
            ↻ {t('table.held')}
          </button>
        ) : null}
        {keyboard ? <span className="keys">{onSelect ? t('table.keysSelect') : t('table.keys')}</span> : null}
      </div>
    </div>
  )
}

function HeadCell<Row>({
  column,
  sort,
  onSort,
  onWidth,
}: {
  column: Column<Row>
  sort?: Sort
  onSort?: (sort: Sort) => void
  onWidth(width: number): void
}) {
  const { sortKey } = column
  const sorted = sortKey !== undefined && sort?.key === sortKey
  const canSort = sortKey !== undefined && onSort !== undefined
  const run = () => sortKey !== undefined && onSort?.({ key: sortKey, descending: sorted ? !sort.descending : true })
  return (
    <th
      scope="col"
      className={[canSort ? 'sortable' : '', column.align ?? ''].join(' ')}
      title={column.title}
      tabIndex={canSort ? 0 : undefined}
      aria-sort={sorted ? (sort.descending ? 'descending' : 'ascending') : undefined}
      onClick={canSort ? run : undefined}
      onKeyDown={canSort ? (event) => event.key === 'Enter' && run() : undefined}
    >
      {column.title}
      {sorted ? (sort.descending ? ' ↓' : ' ↑') : ''}
      <Grip onWidth={onWidth} />
    </th>
  )
}

function Grip({ onWidth }: { onWidth(width: number): void }) {
  return (
    <span
      className="grip"
      aria-hidden="true"
      onClick={(event) => event.stopPropagation()}
      onPointerDown={(event) => {
        event.preventDefault()
        event.stopPropagation()
        const head = event.currentTarget.parentElement
        if (!head) return
        const start = event.clientX
        const width = head.offsetWidth
        const grip = event.currentTarget
        grip.setPointerCapture(event.pointerId)
        const onMove = (move: globalThis.PointerEvent) => onWidth(Math.max(48, width + move.clientX - start))
        grip.addEventListener('pointermove', onMove)
        grip.addEventListener('pointerup', () => grip.removeEventListener('pointermove', onMove), { once: true })
      }}
    />
  )
}

function SkeletonRows({ columns }: { columns: number }) {
  return Array.from({ length: 8 }, (_, row) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: placeholders are alike and never move
    <tr key={row} data-testid="skeleton-row">
      {Array.from({ length: columns }, (_, column) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: placeholders are alike and never move
        <td key={column}>
          <span className="skeleton" style={{ height: 12, width: `${45 + ((row * 31 + column * 17) % 45)}%` }} />
        </td>
      ))}
    </tr>
  ))
}

/** The least width at which no column is squeezed; below it the table scrolls sideways. */
function widthOf<Row>(columns: Column<Row>[], memory: ColumnMemory, check: boolean): number {
  return columns.reduce((sum, { key, width }) => sum + (memory.widths?.[key] ?? width), check ? checkWidth : 0)
}
