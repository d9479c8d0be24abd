import { ownUnitPath } from '../units/locate.ts'
import { type Context, write } from '../write.ts'

/** Records that events are taken out, and by which query, before the first of them is. Throws FORBIDDEN. */
export async function auditEventExport(context: Context, detail: Record<string, unknown>): Promise<void> {
  await write(context, { action: 'event.export', permission: 'event:export' }, async () => ({
    result: undefined,
    target: 'events',
    unitPath: ownUnitPath(context.actor),
    detail,
  }))
}
