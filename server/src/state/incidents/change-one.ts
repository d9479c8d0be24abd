import type { LiveContext } from '../live.ts'
import { write } from '../write.ts'
import { changeIncident, type IncidentChange } from './change.ts'
import { type IncidentDetail, loadIncident } from './get.ts'
import { lockIncident, tellIncident } from './incident.ts'

/** The frame of the verbs that change one incident: lock, change, audit, tell. */
export async function changeOne(context: LiveContext, id: number, change: IncidentChange): Promise<IncidentDetail> {
  const verb = { action: `incident.${change.action}`, permission: 'incident:write' } as const
  const changed = await write(context, verb, async (transaction) => {
    const row = await lockIncident(transaction, context.actor, id)
    const applied = await changeIncident(transaction, { actor: context.actor, nowMs: context.clock.now() }, row, change)
    const { unitPath } = row
    const detail = applied ? { before: applied.before, after: applied.after, version: applied.version } : {}
    return {
      result: { unitPath, isChanged: applied !== undefined },
      target: `incident:${id}`,
      unitPath,
      detail,
      unchanged: !applied,
    }
  })
  if (changed.isChanged) tellIncident(context, id, changed.unitPath, change.action === 'close' ? 'closed' : 'changed')
  return loadIncident(context.database, context.actor, id)
}
