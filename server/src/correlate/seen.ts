import { createHash } from 'node:crypto'
import { asc, eq, sql } from 'drizzle-orm'
import { matchWindows } from '../seams/store/schema/incidents.ts'
import type { Transaction } from '../seams/store/store.ts'

/**
 * The matches of one partition that were dealt with lately, by hash, oldest first. A worker that dies between publishing
 * matches and committing their events publishes them again after its restart; they follow within that distance.
 */
export interface SeenWindow {
  /** Offset up to which the window speaks; a transaction that finds another one in the store loads it anew. */
  lastOffset: number
  hashes: Set<number>
  entries: { lastOffset: number; hashes: number[] }[]
}

/** 53 bits of an id: with 200,000 remembered, a new id is taken for an old one once in 4.5e10. */
export function matchHash(id: string): number {
  const digest = createHash('sha256').update(id).digest()
  return digest.readUIntBE(0, 6) * 32 + (digest[6]! >> 3)
}

/** Reads the newest `limit` hashes of the partition. */
export async function loadSeen(
  transaction: Transaction,
  partition: number,
  lastOffset: number,
  limit: number,
): Promise<SeenWindow> {
  const window: SeenWindow = { lastOffset, hashes: new Set(), entries: [] }
  const rows = await transaction
    .select({ lastOffset: matchWindows.lastOffset, hashes: matchWindows.hashes })
    .from(matchWindows)
    .where(eq(matchWindows.partition, partition))
    .orderBy(asc(matchWindows.lastOffset))
  for (const row of rows) addEntry(window, { lastOffset: row.lastOffset, hashes: unpack(row.hashes) }, limit)
  window.lastOffset = lastOffset
  return window
}

/** Writes the hashes of one transaction and removes those that fall out of the window. */
export async function storeSeen(
  transaction: Transaction,
  partition: number,
  window: SeenWindow,
  entry: { lastOffset: number; hashes: number[] },
  limit: number,
): Promise<void> {
  if (entry.hashes.length === 0) return
  await transaction.insert(matchWindows).values({ partition, lastOffset: entry.lastOffset, hashes: pack(entry.hashes) })
  const outdated = outdatedBy(window, entry.hashes.length, limit)
  if (outdated === undefined) return
  await transaction
    .delete(matchWindows)
    .where(sql`${matchWindows.partition} = ${partition} AND ${matchWindows.lastOffset} <= ${outdated}`)
}

/** After the commit: what the store holds now. */
export function addEntry(window: SeenWindow, entry: { lastOffset: number; hashes: number[] }, limit: number): void {
  const outdated = outdatedBy(window, entry.hashes.length, limit)
  if (outdated !== undefined) {
    while (window.entries.length > 0 && window.entries[0]!.lastOffset <= outdated) {
      for (const hash of window.entries.shift()!.hashes) window.hashes.delete(hash)
    }
  }
  if (entry.hashes.length > 0) window.entries.push(entry)
  for (const hash of entry.hashes) window.hashes.add(hash)
  window.lastOffset = entry.lastOffset
}

/** Offset of the newest entry that is no longer needed once `adding` more are remembered. */
function outdatedBy(window: SeenWindow, adding: number, limit: number): number | undefined {
  let remembered = window.hashes.size + adding
  let outdated: number | undefined
  for (const entry of window.entries) {
    remembered -= entry.hashes.length
    if (remembered < limit) break
    outdated = entry.lastOffset
  }
  return outdated
}

function pack(hashes: number[]): Buffer {
  const packed = Buffer.allocUnsafe(hashes.length * 8)
  for (const [index, hash] of hashes.entries()) packed.writeDoubleLE(hash, index * 8)
  return packed
}

function unpack(packed: Buffer): number[] {
  return Array.from({ length: packed.length / 8 }, (_, index) => packed.readDoubleLE(index * 8))
}
