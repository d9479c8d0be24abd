import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../event/errors.ts'

/** What every list answers. */
export interface Page<Item> {
  items: Item[]
  /** How many match the filters, over all pages. */
  total: number
  /** True when counting stopped at its bound and there are more than `total`. */
  totalIsLowerBound?: boolean
  /** Give it as `cursor` to get the next page; null on the last one. */
  next: string | null
}

/** The part of every list's query that pages. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z.string().max(2_000).optional(),
}

/**
 * A stable order: one column or expression without nulls, then the id, both in the same direction. The cursor holds the
 * last row's two values, so that rows that come and go between two pages neither repeat nor hide others.
 */
export interface Keyset {
  /** Name of the order; a cursor of another order is refused. */
  name: string
  column: SQL
  id: SQL
  direction: 'asc' | 'desc'
}

export function orderBy(keyset: Keyset): SQL {
  const direction = keyset.direction === 'asc' ? sql`ASC` : sql`DESC`
  return sql`${keyset.column} ${direction}, ${keyset.id} ${direction}`
}

/** Condition: rows after the cursor. Throws BAD_REQUEST when the cursor is not one of this order. */
export function afterCursor(keyset: Keyset, cursor: string | undefined): SQL | undefined {
  if (cursor === undefined) return undefined
  const [column, id] = decodeCursor(keyset, cursor)
  const comparison = keyset.direction === 'asc' ? sql`>` : sql`<`
  return sql`(${keyset.column}, ${keyset.id}) ${comparison} (${column}, ${id})`
}

/**
 * Makes the page from rows fetched with `LIMIT limit + 1`. `valuesOf` gives the two values of the order of a row.
 */
export function pageOf<Row, Item>(
  keyset: Keyset,
  rows: Row[],
  limit: number,
  total: number,
  valuesOf: (row: Row) => [CursorValue, CursorValue],
  itemOf: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const next = rows.length > limit && last !== undefined ? encodeCursor(keyset, valuesOf(last)) : null
  return { items: shown.map(itemOf), total, next }
}

export type CursorValue = string | number | Date

function encodeCursor(keyset: Keyset, values: [CursorValue, CursorValue]): string {
  const texts = values.map((value) => (value instanceof Date ? value.toISOString() : String(value)))
  return Buffer.from(JSON.stringify([`${keyset.name} ${keyset.direction}`, ...texts])).toString('base64url')
}

function decodeCursor(keyset: Keyset, cursor: string): [string, string] {
  const parsed = cursorSchema.safeParse(jsonOrNull(Buffer.from(cursor, 'base64url').toString('utf8')))
  if (!parsed.success || parsed.data[0] !== `${keyset.name} ${keyset.direction}`) {
    throw new CodedError('BAD_REQUEST', 'The cursor is not one of this list in this order', { cursor })
  }
  return [parsed.data[1], parsed.data[2]]
}

const cursorSchema = z.tuple([z.string(), z.string(), z.string()])

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
