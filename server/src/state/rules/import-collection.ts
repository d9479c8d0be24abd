import { and, eq, inArray, isNull, sql } from 'drizzle-orm'
import { z } from 'zod'
import { ruleCollections, rulePromotions, rules, ruleVersions } from '../../seams/store/schema/rules.ts'
import type { Transaction } from '../../seams/store/store.ts'
import { nameText, parseInput } from '../input.ts'
import { rootUnitPath } from '../units/unit.ts'
import { type Context, requireScope, write } from '../write.ts'
import { nextRuleRevision, ruleIdText, versionParts } from './rule.ts'

const importInput = z.strictObject({
  name: nameText(100),
  fileName: z.string().max(255),
  sha256: z.string().length(64),
  licence: z.string().max(4_000),
  /** What the rules become that are new; those that are there stay in the stage they are in. */
  stage: z.enum(['draft', 'test', 'live']),
  rules: z.array(z.strictObject({ id: ruleIdText, path: z.string().max(1_000), yaml: versionParts.yaml })).max(20_000),
})

export interface ImportedCollection {
  collectionId: number
  added: string[]
  /** Of the collection, with another text than before. */
  changed: string[]
  /** Of the collection before, not in the archive any more. */
  removed: string[]
  unchanged: number
  /** Changed here by hand: the text of the archive is added as a version and does not run. */
  kept: string[]
  /** Stored before under another collection or as the operator's own. */
  taken: string[]
}

const rowsAtOnce = 500
const good = { problems: [] }
const noSamples = { fires: [], silent: [] }

/**
 * Brings a collection to what an archive holds, in one transaction with one audit row: new rules are added, changed ones
 * get a version that takes the place of the one before in its stage, those that are gone are removed. Texts are checked by the
 * caller. Throws FORBIDDEN without `rule:write`, NOT_FOUND outside the root unit.
 */
export async function importCollection(
  context: Context,
  input: z.input<typeof importInput>,
): Promise<ImportedCollection> {
  const { name, fileName, sha256, licence, stage, rules: given } = parseInput(importInput, input)
  const { actor, clock } = context
  return write(context, { action: 'rule-collection.import', permission: 'rule:write' }, async (transaction) => {
    requireScope(actor, rootUnitPath, `rule-collection:${name}`)
    const revision = await nextRuleRevision(transaction)
    const now = new Date(clock.now())
    const facts = { fileName, sha256, licence, updatedAt: now }
    const [known] = await transaction
      .select()
      .from(ruleCollections)
      .where(and(eq(ruleCollections.name, name), isNull(ruleCollections.removedAt)))
      .for('update')
    const [collection] = known
      ? await transaction.update(ruleCollections).set(facts).where(eq(ruleCollections.id, known.id)).returning()
      : await transaction
          .insert(ruleCollections)
          .values({ name, ...facts, report: {}, createdAt: now, createdBy: actor.name })
          .returning()
    const collectionId = collection!.id
    const before = await storedOf(
      transaction,
      given.map(({ id }) => id),
    )
    const result: ImportedCollection = {
      ...{ collectionId, added: [], changed: [], removed: [], unchanged: 0, kept: [], taken: [] },
    }
    const by = { createdAt: now, createdBy: actor.name }
    const newRules: (typeof rules.$inferInsert)[] = []
    const newVersions: (typeof ruleVersions.$inferInsert)[] = []
    for (const { id, path, yaml } of given) {
      const stored = before.get(id)
      const version = (stored?.row.headVersion ?? 0) + 1
      const entry = {
        ruleId: id,
        version,
        yaml,
        samples: noSamples,
        check: good,
        sampleResult: null,
        isImported: true,
        ...by,
      }
      if (!stored || stored.row.removedAt !== null) {
        result.added.push(id)
        newVersions.push({ ...entry, note: fileName })
        newRules.push({
          ...{ id, origin: 'import', collectionId, path, headVersion: version, revision, removedAt: null },
          testVersion: stage === 'test' ? version : null,
          liveVersion: stage === 'live' ? version : null,
          ...{ ...by, updatedAt: now },
        })
      } else if (stored.row.collectionId !== collectionId) result.taken.push(id)
      else if (stored.imported === yaml) result.unchanged++
      else {
        const { row } = stored
        // What was written here since stays in force; the archive's text is there to be compared and taken.
        const isOurs = stored.head !== stored.imported
        ;(isOurs ? result.kept : result.changed).push(id)
        newVersions.push({ ...entry, note: fileName })
        newRules.push({
          ...{ ...row, path, headVersion: version, revision, updatedAt: now },
          testVersion: row.testVersion === null || isOurs ? row.testVersion : version,
          liveVersion: row.liveVersion === null || isOurs ? row.liveVersion : version,
        })
      }
    }
    result.removed = await removeOthers(transaction, collectionId, new Set(given.map(({ id }) => id)), revision, now)
    await upsert(transaction, newRules)
    for (let at = 0; at < newVersions.length; at += rowsAtOnce)
      await transaction.insert(ruleVersions).values(newVersions.slice(at, at + rowsAtOnce))
    if (stage !== 'draft') {
      const heads = new Map(newRules.map(({ id, headVersion }) => [id, headVersion]))
      const steps = result.added.map((ruleId) => {
        return {
          ruleId,
          stage,
          version: heads.get(ruleId)!,
          before: null,
          note: fileName,
          evidence: { import: name },
          at: now,
          by: actor.name,
        }
      })
      for (let at = 0; at < steps.length; at += rowsAtOnce)
        await transaction.insert(rulePromotions).values(steps.slice(at, at + rowsAtOnce))
    }
    const detail = {
      ...{ fileName, sha256, stage, added: result.added.length, changed: result.changed.length },
      ...{ removed: result.removed.length, kept: result.kept.length },
    }
    return { result, target: `rule-collection:${collectionId}`, unitPath: rootUnitPath, detail }
  })
}

interface Stored {
  row: typeof rules.$inferSelect
  head: string
  /** The newest text an import brought. */
  imported: string | undefined
}

/** The stored rules of these ids, locked, with their newest text and the newest one of an import. */
async function storedOf(transaction: Transaction, ids: string[]): Promise<Map<string, Stored>> {
  const found = new Map<string, Stored>()
  for (let at = 0; at < ids.length; at += rowsAtOnce) {
    const some = ids.slice(at, at + rowsAtOnce)
    const rows = await transaction.select().from(rules).where(inArray(rules.id, some)).for('update')
    const versions = await transaction
      .select({
        ruleId: ruleVersions.ruleId,
        version: ruleVersions.version,
        yaml: ruleVersions.yaml,
        isImported: ruleVersions.isImported,
      })
      .from(ruleVersions)
      .where(inArray(ruleVersions.ruleId, some))
      .orderBy(ruleVersions.ruleId, ruleVersions.version)
    for (const row of rows) {
      const own = versions.filter(({ ruleId }) => ruleId === row.id)
      const imported = own.filter(({ isImported }) => isImported).at(-1)?.yaml
      found.set(row.id, { row, head: own.at(-1)?.yaml ?? '', imported })
    }
  }
  return found
}

async function removeOthers(
  transaction: Transaction,
  collectionId: number,
  ids: ReadonlySet<string>,
  revision: number,
  now: Date,
): Promise<string[]> {
  const present = await transaction
    .select({ id: rules.id })
    .from(rules)
    .where(and(eq(rules.collectionId, collectionId), isNull(rules.removedAt)))
  const gone = present.map(({ id }) => id).filter((id) => !ids.has(id))
  for (let at = 0; at < gone.length; at += rowsAtOnce)
    await transaction
      .update(rules)
      .set({ testVersion: null, liveVersion: null, revision, updatedAt: now, removedAt: now })
      .where(inArray(rules.id, gone.slice(at, at + rowsAtOnce)))
  return gone
}

async function upsert(transaction: Transaction, rows: (typeof rules.$inferInsert)[]): Promise<void> {
  for (let at = 0; at < rows.length; at += rowsAtOnce)
    await transaction
      .insert(rules)
      .values(rows.slice(at, at + rowsAtOnce))
      .onConflictDoUpdate({
        target: rules.id,
        set: {
          origin: sql`excluded.origin`,
          collectionId: sql`excluded.collection_id`,
          path: sql`excluded.path`,
          headVersion: sql`excluded.head_version`,
          testVersion: sql`excluded.test_version`,
          liveVersion: sql`excluded.live_version`,
          revision: sql`excluded.revision`,
          updatedAt: sql`excluded.updated_at`,
          removedAt: sql`excluded.removed_at`,
        },
      })
}
