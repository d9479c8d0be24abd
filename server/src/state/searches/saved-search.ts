import { and, eq, or, type SQL } from 'drizzle-orm'
import { z } from 'zod'
import { isKnownField } from '../../event/catalogue.ts'
import { CodedError } from '../../event/errors.ts'
import { queryLimits } from '../../event/query.ts'
import { parseQuery } from '../../event/query-parse.ts'
import { savedSearches } from '../../seams/store/schema/searches.ts'
import type { Transaction } from '../../seams/store/store.ts'
import type { Actor } from '../actor.ts'
import { nameText } from '../input.ts'
import { withinUnit } from '../scope.ts'

export interface SavedSearch {
  id: number
  name: string
  query: string
  from: string
  to: string
  columns: string[]
  shared: boolean
  /** False for one that somebody else shared: it can be run, not changed. */
  own: boolean
  ownerName: string
  unitPath: string
  /** Rises with every change. */
  version: number
  createdAt: Date
  updatedAt: Date
}

/** What people tell of a search; the query must be one, and the columns fields. */
export const savedSearchFacts = {
  name: nameText(200),
  query: z.string().max(queryLimits.characters),
  from: z.string().min(1).max(64),
  to: z.string().min(1).max(64),
  columns: z.array(z.string().refine(isKnownField, 'is no field of the catalogue')).max(100),
  shared: z.boolean(),
}

/** Throws QUERY_INVALID: what cannot be run is not kept. */
export function requireQuery(query: string | undefined): void {
  if (query !== undefined) parseQuery(query)
}

/** Condition: the actor's own, and those shared in the actor's units. */
export function readableBy(actor: Actor): SQL {
  return or(ownedBy(actor), and(eq(savedSearches.shared, true), withinUnit(savedSearches.unitPath, actor.unitPath)))!
}

function ownedBy(actor: Actor): SQL {
  return and(
    eq(savedSearches.ownerKind, actor.kind),
    eq(savedSearches.ownerId, actor.id),
    withinUnit(savedSearches.unitPath, actor.unitPath),
  )!
}

export function savedSearchOf(row: typeof savedSearches.$inferSelect, actor: Actor): SavedSearch {
  const { rangeFrom: from, rangeTo: to, ownerKind, ownerId, ...rest } = row
  return { ...rest, from, to, own: ownerKind === actor.kind && ownerId === actor.id }
}

/** The actor's own search, locked. Throws NOT_FOUND for any other. */
export async function locateOwn(transaction: Transaction, actor: Actor, id: number) {
  const [row] = await transaction
    .select()
    .from(savedSearches)
    .where(and(eq(savedSearches.id, id), ownedBy(actor)))
    .for('update')
  if (!row) throw savedSearchNotFound(id)
  return row
}

export function savedSearchNotFound(id: number): CodedError {
  return new CodedError('NOT_FOUND', `saved-search:${id} was not found`, { target: `saved-search:${id}` })
}
