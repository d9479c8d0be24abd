import { and, eq, isNull, sql } from 'drizzle-orm'
import { z } from 'zod'
import { isKnownField } from '../../event/catalogue.ts'
import { CodedError } from '../../event/errors.ts'
import { type ExceptionCondition, exceptions } from '../../seams/store/schema/incidents.ts'
import type { Transaction } from '../../seams/store/store.ts'
import { type Actor, covers } from '../actor.ts'
import { idNumber, nameText, noteText } from '../input.ts'
import { compileException, compileUnlink, type ExceptionMatcher, type ExceptionScope, entityType } from './match.ts'

const exceptionOperators = ['equals', 'wildcard', 'contains', 'starts_with', 'ends_with', 'cidr'] as const
const entityTypes = new Set(['*', 'host', 'user', 'ip', 'domain', 'process', 'file', 'url'])
const otherFields = new Set(['detector', 'severity', 'source.key'])

const conditionField = z
  .string()
  .min(1)
  .max(200)
  .refine((field) => {
    const type = entityType(field)
    return type === undefined ? otherFields.has(field) || isKnownField(field) : entityTypes.has(type)
  }, 'is no field of the catalogue, no entity, detector, severity or source.key')

const condition = z.strictObject({
  field: conditionField,
  operator: z.enum(exceptionOperators),
  values: z.array(z.string().min(1).max(1_000)).min(1).max(100),
})

/** Longest life of an exception: what is still right in a year is worth being said again. */
const lifeMaxMs = 366 * 86_400_000

export const exceptionParts = {
  name: nameText(),
  reason: noteText(2_000).refine((text) => text.trim() !== '', 'must not be empty'),
  effect: z.enum(['hide', 'unlink']),
  /** Empty: every detector. */
  ruleIds: z.array(z.string().min(1).max(256)).max(100),
  conditions: z.array(condition).max(20),
  expiresAt: z.date(),
}

export const exceptionId = z.strictObject({ id: idNumber })

/** An exception as people see it. */
export interface Exception {
  id: number
  name: string
  reason: string
  effect: 'hide' | 'unlink'
  ruleIds: string[]
  conditions: ExceptionCondition[]
  unitPath: string
  ownerKind: string
  ownerId: string
  ownerName: string
  createdAt: Date
  updatedAt: Date
  expiresAt: Date
  removedAt: Date | null
  /** Neither expired nor removed. */
  active: boolean
  /** Firings it hid, or detections it kept from grouping. */
  hitCount: number
  lastHitAt: Date | null
  /** Rises with every change a person makes. */
  version: number
}

export function exceptionView(row: typeof exceptions.$inferSelect, nowMs: number): Exception {
  const { revision: version, ...rest } = row
  return { ...rest, version, active: row.removedAt === null && row.expiresAt.getTime() > nowMs }
}

/**
 * Throws BAD_REQUEST when it says nothing (it would hide all), names a range that is none, cannot unlink anything, or
 * does not expire within a year.
 */
export function requireSense(
  { effect, ruleIds, conditions, expiresAt }: Pick<Exception, 'effect' | 'ruleIds' | 'conditions' | 'expiresAt'>,
  nowMs: number,
): void {
  const refuse = (message: string, detail: Record<string, unknown> = {}): never => {
    throw new CodedError('BAD_REQUEST', message, detail)
  }
  if (ruleIds.length === 0 && conditions.length === 0) refuse('An exception names a rule or a condition')
  if (effect === 'unlink' && !conditions.some(({ field }) => entityType(field) !== undefined)) {
    refuse('An exception that unlinks names entities', { field: 'entity' })
  }
  const lifeMs = expiresAt.getTime() - nowMs
  if (lifeMs <= 0 || lifeMs > lifeMaxMs) refuse('An exception expires in the future and within a year', { expiresAt })
  const scope = { ruleIds, conditions, unitPath: '/' }
  if (effect === 'hide') compileChecked(scope)
  else checked(() => compileUnlink(scope))
}

/** `compileException`, with BAD_REQUEST for an address range that is none. */
export function compileChecked(scope: ExceptionScope): ExceptionMatcher {
  return checked(() => compileException(scope))
}

function checked<Compiled>(compile: () => Compiled): Compiled {
  try {
    return compile()
  } catch (error) {
    if (error instanceof RangeError) throw new CodedError('BAD_REQUEST', error.message)
    throw error
  }
}

/** The exception, locked; throws NOT_FOUND when it is removed or lies outside the actor's units. */
export async function lockException(transaction: Transaction, actor: Actor, id: number) {
  const [row] = await transaction
    .select()
    .from(exceptions)
    .where(and(eq(exceptions.id, id), isNull(exceptions.removedAt)))
    .for('update')
  if (!row || !covers(actor, row.unitPath)) throw exceptionNotFound(id)
  return row
}

export function exceptionNotFound(id: number): CodedError {
  return new CodedError('NOT_FOUND', `exception:${id} was not found`, { target: `exception:${id}` })
}

/** The next revision, under a lock that writers of exceptions wait at: revisions become visible in their order. */
export async function nextRevision(transaction: Transaction): Promise<number> {
  await transaction.execute(sql`SELECT pg_advisory_xact_lock(hashtext('exceptions'))`)
  const [row] = await transaction
    .select({ revision: sql<number>`coalesce(max(${exceptions.revision}), 0)::float8 + 1` })
    .from(exceptions)
  return row!.revision
}
