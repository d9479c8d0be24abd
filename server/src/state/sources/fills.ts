import { and, eq, inArray, sql } from 'drizzle-orm'
import { storableText } from '../../lib/storable-text.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import { type DriftedField, fieldFills } from '../../seams/store/schema/proof.ts'
import { sources } from '../../seams/store/schema/sources.ts'
import type { Database } from '../../seams/store/store.ts'
import { translateStoreError } from '../store-error.ts'
import { sourceId } from './source.ts'

/** Which fields the sampled events of one sender and kind had. */
export interface FieldSample {
  sourceKey: string
  kind: string
  routing: Record<string, unknown>
  samples: number
  counts: Record<string, number>
}

type FillCounts = Pick<typeof fieldFills.$inferSelect, 'baseSamples' | 'base' | 'recentSamples' | 'recent' | 'drifted'>

/**
 * A field is missed when so many events should have had it and none has: by chance that happens once in 5e8 times (Poisson,
 * e^-20).
 */
const expectedMin = 20
/** The present becomes part of the habit when so many samples of it are there. */
const recentMax = 500
/** Beyond this the habit is halved, so that what changed slowly is learnt. */
const baseMax = 5_000
const rowsAtOnce = 200

/** The counts after further samples: what is missed is told, and not forgotten while it is missed. */
export function foldSample(before: FillCounts | undefined, sample: FieldSample, nowIso: string): FillCounts {
  const recent = { ...before?.recent }
  for (const [field, count] of Object.entries(sample.counts)) recent[field] = (recent[field] ?? 0) + count
  const recentSamples = (before?.recentSamples ?? 0) + sample.samples
  const { baseSamples = 0, base = {} } = before ?? {}
  const known = new Map(before?.drifted.map((one) => [one.field, one]))
  const drifted: DriftedField[] = []
  for (const [field, count] of Object.entries(base)) {
    const was = baseSamples === 0 ? 0 : count / baseSamples
    if ((recent[field] ?? 0) > 0) continue
    const still = known.get(field)
    if (still) drifted.push(still)
    else if (recentSamples * was >= expectedMin) drifted.push({ field, was, since: nowIso })
  }
  if (recentSamples < recentMax && baseSamples > 0) return { baseSamples, base, recentSamples, recent, drifted }
  // The first samples are the habit.
  if (baseSamples === 0 && recentSamples < expectedMin) return { baseSamples, base, recentSamples, recent, drifted }
  const merged = { ...base }
  const total = baseSamples + recentSamples
  for (const [field, count] of Object.entries(recent)) merged[field] = (merged[field] ?? 0) + count
  // The share of what is missed stays what it was.
  for (const { field, was } of drifted) merged[field] = was * total
  const factor = total > baseMax ? 0.5 : 1
  const scaled = Object.fromEntries(Object.entries(merged).map(([field, count]) => [field, count * factor]))
  return { baseSamples: Math.round(total * factor), base: scaled, recentSamples: 0, recent: {}, drifted }
}

/** Adds what a process thread sampled; senders that are not listed yet are left out. */
export async function addFieldSamples(
  database: Database,
  clock: Clock,
  samples: readonly FieldSample[],
): Promise<void> {
  const rows = samples
    .map((sample) => ({
      ...sample,
      id: sourceId(storableText(sample.sourceKey, 1_024)),
      kind: storableText(sample.kind, 200),
    }))
    .sort((one, other) => (one.id + one.kind < other.id + other.kind ? -1 : 1))
  for (let start = 0; start < rows.length; start += rowsAtOnce) {
    await addBatch(database, clock, rows.slice(start, start + rowsAtOnce))
  }
}

async function addBatch(database: Database, clock: Clock, batch: (FieldSample & { id: string })[]): Promise<void> {
  const now = new Date(clock.now())
  try {
    // unaudited: counters.
    await database.transaction(async (transaction) => {
      const ids = [...new Set(batch.map(({ id }) => id))]
      const listed = await transaction.select({ id: sources.id }).from(sources).where(inArray(sources.id, ids))
      const isListed = new Set(listed.map(({ id }) => id))
      for (const sample of batch) {
        if (!isListed.has(sample.id)) continue
        const place = and(eq(fieldFills.sourceId, sample.id), eq(fieldFills.kind, sample.kind))
        const [before] = await transaction.select().from(fieldFills).where(place).for('update')
        const counts = foldSample(before, sample, now.toISOString())
        const row = { sourceId: sample.id, kind: sample.kind, routing: sample.routing, sampledAt: now, ...counts }
        const target = [fieldFills.sourceId, fieldFills.kind]
        await transaction
          .insert(fieldFills)
          .values(row)
          .onConflictDoUpdate({ target, set: { ...counts, sampledAt: now } })
      }
    })
  } catch (error) {
    throw translateStoreError(error)
  }
}

/** Kinds of event whose fields the sources within this unit fill, and what is missed. */
export async function loadFills(
  database: Database,
  unitPath: string,
): Promise<(typeof fieldFills.$inferSelect & { sourceKey: string })[]> {
  try {
    const rows = await database
      .select({ fill: fieldFills, sourceKey: sources.key })
      .from(fieldFills)
      .innerJoin(sources, eq(sources.id, fieldFills.sourceId))
      .where(sql`starts_with(${sources.unitPath}, ${unitPath})`)
    return rows.map(({ fill, sourceKey }) => ({ ...fill, sourceKey }))
  } catch (error) {
    throw translateStoreError(error)
  }
}
