import type { Clock } from '../../seams/clock/clock.ts'
import { units } from '../../seams/store/schema/identity.ts'
import type { Database } from '../../seams/store/store.ts'
import { systemActor } from '../actor.ts'
import { write } from '../write.ts'
import { rootUnitId, rootUnitPath, unitName } from './unit.ts'

/** Makes the root unit at first start; afterwards it does nothing. */
export async function ensureRootUnit(database: Database, clock: Clock, name = '本单位'): Promise<void> {
  const actor = systemActor('first start')
  await write({ database, clock, actor }, { action: 'unit.create', permission: 'unit:write' }, async (transaction) => {
    const root = { id: rootUnitId, parentId: null, kind: 'province' as const, name: unitName.parse(name) }
    const created = await transaction
      .insert(units)
      .values({ ...root, path: rootUnitPath, createdAt: new Date(clock.now()) })
      .onConflictDoNothing()
      .returning({ id: units.id })
    return {
      result: undefined,
      target: `unit:${rootUnitId}`,
      unitPath: rootUnitPath,
      detail: { name: root.name },
      unchanged: created.length === 0,
    }
  })
}
