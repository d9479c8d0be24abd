import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { formatNumber } from '../../ui/format.ts'
import { clause } from '../../ui/query.ts'
import type { IsoSpan } from './span.ts'

export interface Figure {
  key: string
  /** One for each heading of words. */
  cells: ReactNode[]
  /** Of log search: what the figures count. */
  query: string
  /** One for each heading of figures. */
  figures: string[]
}

interface FigureTableProps {
  words: string[]
  figures: string[]
  rows: Figure[]
  span: IsoSpan
  /** What stands there when there is nothing. */
  none: string
}

/** Few rows of figures, each of which opens what it counts. */
export function FigureTable({ words, figures, rows, span, none }: FigureTableProps) {
  if (rows.length === 0) return <p className="soft">{none}</p>
  return (
    <div className="figure-rows">
      <table className="simple-table">
        <thead>
          <tr>
            {words.map((name) => (
              <th key={name}>{name}</th>
            ))}
            {figures.map((name) => (
              <th key={name} className="right">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.key}>
              {row.cells.map((cell, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the cells of a row never move
                <td key={index}>{cell}</td>
              ))}
              {row.figures.map((figure, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the figures of a row never move
                <td key={index} className="right number nowrap">
                  <SearchLink query={row.query} span={span}>
                    {figure}
                  </SearchLink>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** To the events a figure counts. */
export function SearchLink({ query, span, children }: { query: string; span: IsoSpan; children: ReactNode }) {
  return (
    <Link to="/search" search={{ query, from: span.from, to: span.to } as never}>
      {children}
    </Link>
  )
}

/** The query with the values of a row; an empty one says that the field is absent. */
export function withValues(query: string, fields: readonly string[], values: readonly string[]): string {
  const parts = fields.map((field, index) => {
    const value = values[index] ?? ''
    return value === '' ? `NOT ${field}:*` : clause(field, value)
  })
  return [query, ...parts].filter((part) => part !== '').join(' AND ')
}

export const count = (value: number) => formatNumber(value)
