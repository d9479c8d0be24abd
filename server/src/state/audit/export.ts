import { and, asc, gt } from 'drizzle-orm'
import { z } from 'zod'
import { auditRows } from '../../seams/store/schema/audit.ts'
import { parseInput } from '../input.ts'
import { ownUnitPath } from '../units/locate.ts'
import { type Context, read, write } from '../write.ts'
import { auditCondition, auditFilters } from './list.ts'

const exportAuditQuery = z.strictObject(auditFilters)

const batchSize = 1_000

/**
 * The rows as NDJSON, oldest first, with all that is needed to check the chain elsewhere. That somebody exported is itself
 * audited, before the first line; rows appended meanwhile are not waited for.
 */
export async function* exportAudit(
  context: Context,
  query: z.input<typeof exportAuditQuery> = {},
): AsyncGenerator<string> {
  const filters = parseInput(exportAuditQuery, query)
  const { actor } = context
  const unitPath = ownUnitPath(actor)
  await write(context, { action: 'audit.export', permission: 'audit:read' }, async () => {
    return { result: undefined, target: 'audit', unitPath, detail: { ...filters } }
  })
  for (let after = 0; ; ) {
    const rows = await read(context, 'audit:read', (database) =>
      database
        .select()
        .from(auditRows)
        .where(and(auditCondition(actor, filters), gt(auditRows.sequence, after)))
        .orderBy(asc(auditRows.sequence))
        .limit(batchSize),
    )
    if (rows.length > 0) yield `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`
    const last = rows.at(-1)
    if (last === undefined || rows.length < batchSize) return
    after = last.sequence
  }
}
