import { sources } from '../../seams/store/schema/sources.ts'
import type { Database } from '../../seams/store/store.ts'
import { translateStoreError } from '../store-error.ts'

/** What people settled for one sender, as the process threads need it. */
export interface SourceSettlement {
  /** Pinned parser; undefined: guess. */
  parser?: string
  /** IANA zone of times that say none. */
  zone?: string
  unitPath: string
  retentionClass: string
}

/** Every known source by its key. Load it again when the channel `rules` says that sources changed, or units moved. */
export async function loadSourcePins(database: Database): Promise<Map<string, SourceSettlement>> {
  try {
    const { key, pinnedParser, timeZone, unitPath, retentionClass } = sources
    const rows = await database.select({ key, pinnedParser, timeZone, unitPath, retentionClass }).from(sources)
    return new Map(
      rows.map((row) => [
        row.key,
        {
          parser: row.pinnedParser ?? undefined,
          zone: row.timeZone ?? undefined,
          unitPath: row.unitPath,
          retentionClass: row.retentionClass,
        },
      ]),
    )
  } catch (error) {
    throw translateStoreError(error)
  }
}
