import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'

/** Condition: the unit path in `column` is `unitPath` or lies below it. Served by a `text_pattern_ops` index. */
export function withinUnit(column: SQLWrapper, unitPath: string): SQL {
  return sql`${column} LIKE ${`${likeText(unitPath)}%`}`
}

/** Condition: `column` holds `text` anywhere, without regard to case. `%`, `_` and `\` in it stand for themselves. */
export function containsText(column: SQLWrapper, text: string): SQL {
  return sql`${column} ILIKE ${`%${likeText(text)}%`}`
}

function likeText(text: string): string {
  return text.replace(/[\\%_]/g, (character) => `\\${character}`)
}
