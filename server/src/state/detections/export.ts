import { z } from 'zod'
import { ownUnit } from '../incidents/incident.ts'
import { parseInput } from '../input.ts'
import { type Context, requirePermission, write } from '../write.ts'
import type { Detection } from './detection.ts'
import { detectionFilter, listDetections } from './list.ts'

const exportDetectionsQuery = z.strictObject({
  ...detectionFilter,
  limit: z.coerce.number().int().min(1).max(100_000).default(100_000),
})

const pageSize = 500

/** The detections a list with the same filter shows, page by page; audited before the first. */
export async function* exportDetections(
  context: Context,
  query: z.input<typeof exportDetectionsQuery> = {},
): AsyncGenerator<Detection[]> {
  const { limit, ...filter } = parseInput(exportDetectionsQuery, query)
  requirePermission(context.actor, 'detection:read')
  await write(context, { action: 'detection.export', permission: 'event:export' }, async () => ({
    result: undefined,
    target: 'detections',
    unitPath: ownUnit(context.actor),
    detail: { filter, limit },
  }))
  let cursor: string | undefined
  for (let left = limit; left > 0; ) {
    const page = await listDetections(context, { ...filter, cursor, limit: Math.min(pageSize, left) })
    if (page.items.length > 0) yield page.items
    left -= page.items.length
    if (page.next === null) return
    cursor = page.next
  }
}
