import { z } from 'zod'
import { canaries } from '../../seams/store/schema/canaries.ts'
import { parseInput } from '../input.ts'
import { locateSource } from '../sources/source.ts'
import { rootUnitPath } from '../units/unit.ts'
import { type Context, requireScope, write } from '../write.ts'
import type { Canary } from './canary.ts'

const idBytes = 12

/**
 * Asks for a canary through the way of a source, now. Throws FORBIDDEN without `source:write`, NOT_FOUND outside the actor's
 * units.
 */
export async function testSource(context: Context, sourceId: string): Promise<Canary> {
  const wanted = parseInput(z.string().min(1).max(64), sourceId)
  return write(context, { action: 'source.test', permission: 'source:write' }, async (transaction) => {
    const source = await locateSource(transaction, context.actor, wanted)
    const [canary] = await transaction
      .insert(canaries)
      .values({ ...fresh(context), sourceId: source.id, sourceName: source.name, unitPath: source.unitPath })
      .returning()
    return { result: canary!, target: `source:${source.id}`, unitPath: source.unitPath, detail: { canary: canary!.id } }
  })
}

/**
 * Asks for a canary of a rule's own firing sample, now. Rules are the whole platform's: throws FORBIDDEN without `rule:write`,
 * NOT_FOUND for whoever does not belong to the root unit. Whether there is such a rule is the caller's to know.
 */
export async function testRule(context: Context, ruleId: string): Promise<Canary> {
  const wanted = parseInput(z.string().min(1).max(256), ruleId)
  return write(context, { action: 'rule.test', permission: 'rule:write' }, async (transaction) => {
    requireScope(context.actor, rootUnitPath, `rule:${wanted}`)
    const [canary] = await transaction
      .insert(canaries)
      .values({ ...fresh(context), ruleId: wanted, unitPath: rootUnitPath })
      .returning()
    return { result: canary!, target: `rule:${wanted}`, unitPath: rootUnitPath, detail: { canary: canary!.id } }
  })
}

function fresh({ clock, actor }: Context) {
  return {
    id: clock.random(idBytes).toString('hex'),
    state: 'waiting' as const,
    requestedBy: actor.name,
    requestedAt: new Date(clock.now()),
  }
}
