import { and, asc, desc, eq, gte, isNotNull, lt, max } from 'drizzle-orm'
import type { Clock } from '../../seams/clock/clock.ts'
import { ruleReadiness } from '../../seams/store/schema/proof.ts'
import type { Database } from '../../seams/store/store.ts'
import { translateStoreError } from '../store-error.ts'

/** How many of the enabled rules could fire at a time, and of what reason the others could not. */
export type Readiness = typeof ruleReadiness.$inferSelect

const keptMs = 90 * 86_400_000
const comparedMs = 3_600_000
/** A drop that is told: so many rules, and this share of them. */
const drop = { rules: 2, share: 0.02 } as const

async function translated<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw translateStoreError(error)
  }
}

/** Enters the number as it is now, and lets go of what is older than ninety days. */
export async function recordReadiness(
  database: Database,
  clock: Clock,
  counts: Pick<Readiness, 'enabled' | 'canFire' | 'reasons'>,
): Promise<void> {
  await translated(async () => {
    const now = clock.now()
    // unaudited: a measurement of the program itself.
    await database.insert(ruleReadiness).values({ at: new Date(now), ...counts })
    // unaudited: the same.
    await database.delete(ruleReadiness).where(lt(ruleReadiness.at, new Date(now - keptMs)))
  })
}

/** What was entered since then, oldest first. */
export async function readinessSince(database: Database, since: Date): Promise<Readiness[]> {
  return translated(() =>
    database.select().from(ruleReadiness).where(gte(ruleReadiness.at, since)).orderBy(asc(ruleReadiness.at)),
  )
}

/**
 * The newest entry, when it lies markedly below the best of the hour before it and that was not told yet. A rule that people
 * switched off is no loss, nor is one that was added and has no source yet.
 */
export async function untoldDrop(database: Database): Promise<{ now: Readiness; before: number } | undefined> {
  return translated(async () => {
    const [now] = await database.select().from(ruleReadiness).orderBy(desc(ruleReadiness.at)).limit(1)
    if (!now || now.alarmedAt !== null) return undefined
    const hourBefore = new Date(now.at.getTime() - comparedMs)
    const recent = and(gte(ruleReadiness.at, hourBefore), lt(ruleReadiness.at, now.at))
    const [told] = await database
      .select({ at: max(ruleReadiness.at) })
      .from(ruleReadiness)
      .where(and(recent, isNotNull(ruleReadiness.alarmedAt)))
    // One alarm for one drop: what follows is compared with where it ended.
    const from = told?.at ?? hourBefore
    const [best] = await database
      .select()
      .from(ruleReadiness)
      .where(and(gte(ruleReadiness.at, from), lt(ruleReadiness.at, now.at)))
      .orderBy(desc(ruleReadiness.canFire), desc(ruleReadiness.at))
      .limit(1)
    if (!best) return undefined
    // Rules that were switched off can fire no more, and rules that were added cannot fire yet: neither is a loss by itself.
    const unable = now.enabled - now.canFire - (best.enabled - best.canFire)
    const lost = Math.min(best.canFire - now.canFire, unable)
    return lost >= drop.rules && lost >= best.canFire * drop.share ? { now, before: best.canFire } : undefined
  })
}

/** Notes that the drop to this entry was told. */
export async function noteDropTold(database: Database, clock: Clock, id: number): Promise<void> {
  await translated(async () => {
    // unaudited: see recordReadiness.
    await database
      .update(ruleReadiness)
      .set({ alarmedAt: new Date(clock.now()) })
      .where(eq(ruleReadiness.id, id))
  })
}
