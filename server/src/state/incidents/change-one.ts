import type { LiveContext } from '../live.ts'
import { requireVersion } from '../version.ts'
import { write } from '../write.ts'
import { type AppliedChange, changeIncident, type IncidentChange } from './change.ts'
import { type IncidentDetail, loadIncident } from './get.ts'
import { lockIncident, tellIncident } from './incident.ts'

/** The frame of the verbs that change one incident: lock, compare the version, change, audit, tell. */
export async function changeOne(context: LiveContext, id: number, changes: IncidentChange[]): Promise<IncidentDetail> {
  const { actor, clock } = context
  const [only] = changes
  const action = only && changes.length === 1 ? only.action : 'update'
  const verb = { action: `incident.${action}`, permission: 'incident:write' } as const
  const changed = await write(context, verb, async (transaction) => {
    const locked = await lockIncident(transaction, actor, id)
    const target = `incident:${id}`
    await requireVersion(transaction, context, target, locked.version)
    let row = locked
    const applied: AppliedChange[] = []
    for (const change of changes) {
      const one = await changeIncident(transaction, { actor, nowMs: clock.now() }, row, change)
      if (!one) continue
      applied.push(one)
      row = { ...row, ...one.after, version: one.version }
    }
    const { unitPath, version } = row
    const before = Object.assign({}, ...applied.toReversed().map((one) => one.before))
    const after = Object.assign({}, ...applied.map((one) => one.after))
    const isChanged = applied.length > 0
    return {
      result: { unitPath, isChanged },
      target,
      unitPath,
      detail: { before, after, version },
      unchanged: !isChanged,
    }
  })
  if (changed.isChanged) tellIncident(context, id, changed.unitPath, action === 'close' ? 'closed' : 'changed')
  return loadIncident(context.database, actor, id)
}
