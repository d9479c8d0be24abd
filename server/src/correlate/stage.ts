import { parse } from 'yaml'
import { z } from 'zod'
import type { Bilingual, RuleFact } from '../event/incident.ts'

/** Tactics in the order of an attack, and names of techniques. */
export interface AttackLookup {
  /** Short name -> place in the order, from 0, and names. */
  tactics: ReadonlyMap<string, Bilingual & { id: string; order: number }>
  /** With the tactics they serve. */
  techniques: ReadonlyMap<string, Bilingual & { tactics: readonly string[] }>
}

const named = z.object({ en: z.string(), zh: z.string() })
const lookupSchema = z.object({
  tactics: z.array(named.extend({ id: z.string(), key: z.string() })).min(1),
  techniques: z.record(
    z.string(),
    z.object({ en: z.string(), zh: z.string().optional(), tactics: z.array(z.string()).default([]) }),
  ),
})

/** Reads the text of `content/lookups/attack.yml`. Throws a ZodError or YAML error when it is malformed. */
export function parseAttackLookup(text: string): AttackLookup {
  const { tactics, techniques } = lookupSchema.parse(parse(text))
  return {
    tactics: new Map(tactics.map(({ id, key, en, zh }, order) => [key, { id, order, en, zh }])),
    techniques: new Map(
      Object.entries(techniques).map(([id, { en, zh, tactics: serves }]) => {
        const chinese = zh ?? techniques[id.split('.')[0]!]?.zh ?? en
        return [id, { en, zh: chinese, tactics: serves }]
      }),
    ),
  }
}

/** Known tactics in the order of an attack, unknown ones after them by name; each once. */
export function orderTactics(tactics: Iterable<string>, attack: AttackLookup): string[] {
  const place = (tactic: string) => attack.tactics.get(tactic)?.order ?? attack.tactics.size
  return [...new Set(tactics)].sort((a, b) => place(a) - place(b) || compare(a, b))
}

/** Name of a technique; a sub-technique that is not listed goes by its technique, an unknown one by its id. */
export function techniqueName(id: string, attack: AttackLookup): Bilingual {
  const name = attack.techniques.get(id) ?? attack.techniques.get(id.split('.')[0]!)
  return name ?? { zh: id, en: id }
}

/**
 * The longest way through the stages that goes forward both in the order of an attack and in time: each tactic counts
 * from its first firing on, and may follow another when it went on at or after that. Reconnaissance that comes after
 * exfiltration does not lengthen the way. Of ways of one length it is the one that leads furthest.
 */
export function stageChain(rules: Pick<RuleFact, 'tactics' | 'firstMs' | 'lastMs'>[], attack: AttackLookup): string[] {
  const spans = new Map<string, { firstMs: number; lastMs: number }>()
  for (const rule of rules) {
    for (const tactic of rule.tactics) {
      if (!attack.tactics.has(tactic)) continue
      const span = spans.get(tactic)
      if (!span) spans.set(tactic, { firstMs: rule.firstMs, lastMs: rule.lastMs })
      else {
        span.firstMs = Math.min(span.firstMs, rule.firstMs)
        span.lastMs = Math.max(span.lastMs, rule.lastMs)
      }
    }
  }
  // Longest chain by dynamic programming over at most 16 tactics.
  const ordered = orderTactics(spans.keys(), attack)
  const best: string[][] = []
  for (const [index, tactic] of ordered.entries()) {
    const span = spans.get(tactic)!
    let before: string[] = []
    for (let earlier = 0; earlier < index; earlier++) {
      const follows = spans.get(ordered[earlier]!)!.firstMs <= span.lastMs
      if (follows && best[earlier]!.length > before.length) before = best[earlier]!
    }
    best.push([...before, tactic])
  }
  return best.reduce((longest, chain) => (chain.length >= longest.length ? chain : longest), [])
}

/** By UTF-16 units: the same on every machine, whatever its language. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
