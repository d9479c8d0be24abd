import { healthDetection, rulesDroppedRule } from '../../detect/health/rules.ts'
import type { Detection } from '../../event/event.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import type { Database } from '../../seams/store/store.ts'
import { noteDropTold, untoldDrop } from '../../state/readiness/record.ts'
import { rootUnitPath } from '../../state/units/unit.ts'

/** A marked drop of the rules that can fire is told once, like a detection; main measures it. */
export async function tellRuleDrop(
  database: Database,
  clock: Clock,
  publish: (detection: Detection) => Promise<void>,
): Promise<void> {
  const drop = await untoldDrop(database)
  if (!drop) return
  const { now, before } = drop
  const reasons = Object.entries(now.reasons).map(([code, count]) => `${code} ${count}`)
  await publish(
    healthDetection(rulesDroppedRule, {
      ...{ key: String(now.id), timeMs: now.at.getTime(), unitPath: rootUnitPath },
      fields: {
        'watchfire.rules_before': before,
        'watchfire.rules_now': now.canFire,
        'watchfire.rules_enabled': now.enabled,
        'watchfire.reasons': reasons.join(', '),
      },
    }),
  )
  await noteDropTold(database, clock, now.id)
}
