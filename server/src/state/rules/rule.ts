import { and, eq, isNull, sql } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { type RuleOrigin, rules } from '../../seams/store/schema/rules.ts'
import type { Transaction } from '../../seams/store/store.ts'
import { noteText } from '../input.ts'
import { requireVersion } from '../version.ts'
import type { Context } from '../write.ts'

export const ruleIdText = z.string().regex(/^[\w.:-]{1,128}$/, 'letters, digits, `_`, `.`, `:` and `-`, at most 128')
/** Longest text of one rule, in characters; the largest public one has 0.3 MB. */
const yamlLimit = 1 << 19
// biome-ignore lint/suspicious/noControlCharactersInRegex: U+0000 is what must not get in
const unstorable = /[\u0000\p{Cs}]/u
const samplesLimit = 1 << 19

const sample = z.strictObject({
  parser: z.string().min(1).max(100),
  lines: z.array(z.string().max(65_536)).min(1).max(200),
})

const ruleSamples = z
  .strictObject({ fires: z.array(sample).max(50).default([]), silent: z.array(sample).max(50).default([]) })
  .refine((samples) => JSON.stringify(samples).length <= samplesLimit, `samples have at most ${samplesLimit} bytes`)

const problem = z.strictObject({
  severity: z.enum(['error', 'warning']),
  code: z.string(),
  message: z.string(),
  hint: z.string(),
  line: z.number().int(),
  column: z.number().int(),
})

/** What a version is made of; what checking and samples told is the caller's to find out. */
export const versionParts = {
  yaml: z
    .string()
    .max(yamlLimit)
    .refine((text) => text.trim() !== '', 'must not be empty')
    // Direction marks may stand: there are rules that look for them.
    .refine((text) => !unstorable.test(text), 'U+0000 and lone surrogates are not allowed'),
  samples: ruleSamples,
  note: noteText(1_000).default(''),
  check: z.strictObject({ problems: z.array(problem).max(100) }),
  sampleResult: z.strictObject({ passed: z.number().int(), failed: z.number().int() }).nullable(),
}

/** A rule that is kept in the store. */
export interface StoredRule {
  id: string
  origin: RuleOrigin
  collectionId: number | null
  path: string
  headVersion: number
  testVersion: number | null
  liveVersion: number | null
  /** Send it back with the next change; it tells when somebody else changed the rule in between. */
  revision: number
  createdAt: Date
  createdBy: string
  updatedAt: Date
}

export function ruleOf(row: typeof rules.$inferSelect): StoredRule {
  const { removedAt: _, ...rule } = row
  return rule
}

/** The rule, locked. Throws NOT_FOUND, and CHANGED_MEANWHILE when it is not as the actor saw it. */
export async function lockRule(transaction: Transaction, context: Context, id: string, expectedRevision: number) {
  const [row] = await transaction
    .select()
    .from(rules)
    .where(and(eq(rules.id, id), isNull(rules.removedAt)))
    .for('update')
  if (!row) throw ruleNotFound(id)
  await requireVersion(transaction, { ...context, expectedVersions: [expectedRevision] }, `rule:${id}`, row.revision)
  return row
}

export function ruleNotFound(id: string): CodedError {
  return new CodedError('NOT_FOUND', `rule:${id} was not found`, { target: `rule:${id}` })
}

/** The next revision, under a lock that writers of rules wait at: revisions become visible in their order. */
export async function nextRuleRevision(transaction: Transaction): Promise<number> {
  await transaction.execute(sql`SELECT pg_advisory_xact_lock(hashtext('rules'))`)
  const [row] = await transaction
    .select({ revision: sql<number>`coalesce(max(${rules.revision}), 0)::float8 + 1` })
    .from(rules)
  return row!.revision
}
