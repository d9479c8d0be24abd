import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { shippedContentDir } from '../config/content-dir.ts'
import { type AttackLookup, parseAttackLookup } from '../correlate/stage.ts'
import type { CannotFire } from './readiness.ts'
import type { RuleEntry } from './rule-book.ts'

/** What can be said of a technique: some enabled rule can fire, enabled ones cannot, there is none. */
export type Coverage = 'can' | 'cannot' | 'none'

export interface MatrixRule {
  id: string
  title: string
  titleZh: string | null
  severity: RuleEntry['severity']
  enabled: boolean
  canFire: boolean
  cannotFire: CannotFire[]
}

export interface Matrix {
  tactics: { id: string; key: string; en: string; zh: string }[]
  techniques: {
    id: string
    en: string
    zh: string
    tactics: string[]
    coverage: Coverage
    ruleIds: string[]
    detections: number
  }[]
  rules: MatrixRule[]
}

let lookup: AttackLookup | undefined

/** The Enterprise matrix with its tactics in order, read once. */
export function attackLookup(): AttackLookup {
  lookup ??= parseAttackLookup(readFileSync(join(shippedContentDir(), 'lookups', 'attack.yml'), 'utf8'))
  return lookup
}

/** Colours the matrix by the rules and what is known of them. */
export function matrixOf(
  rules: readonly { entry: RuleEntry; enabled: boolean; cannotFire: CannotFire[] }[],
  detections: ReadonlyMap<string, number>,
): Matrix {
  const { tactics, techniques } = attackLookup()
  const byTechnique = new Map<string, MatrixRule[]>()
  const shown = new Map<string, MatrixRule>()
  for (const { entry, enabled, cannotFire } of rules) {
    const { id, title, titleZh, severity } = entry
    const rule = { id, title, titleZh, severity, enabled, canFire: cannotFire.length === 0, cannotFire }
    for (const technique of entry.techniques) {
      shown.set(id, rule)
      byTechnique.set(technique, [...(byTechnique.get(technique) ?? []), rule])
    }
  }
  const used = new Set([...techniques.values()].flatMap(({ tactics: serves }) => serves))
  return {
    tactics: [...tactics].filter(([key]) => used.has(key)).map(([key, { id, en, zh }]) => ({ id, key, en, zh })),
    techniques: [...techniques].map(([id, { en, zh, tactics: serves }]) => {
      const its = byTechnique.get(id) ?? []
      const ruleIds = its.map((rule) => rule.id)
      return {
        id,
        en,
        zh,
        tactics: [...serves],
        coverage: coverageOf(its),
        ruleIds,
        detections: detections.get(id) ?? 0,
      }
    }),
    rules: [...shown.values()],
  }
}

function coverageOf(rules: readonly MatrixRule[]): Coverage {
  const enabled = rules.filter((rule) => rule.enabled)
  if (enabled.length === 0) return 'none'
  return enabled.some((rule) => rule.canFire) ? 'can' : 'cannot'
}

/** One row a technique and tactic. */
export function matrixRows({ tactics, techniques, rules }: Matrix): object[] {
  const names = new Map(tactics.map(({ key, en, zh }) => [key, { en, zh }]))
  const byId = new Map(rules.map((rule) => [rule.id, rule]))
  return techniques.flatMap(({ id, en, zh, tactics: serves, coverage, ruleIds, detections }) => {
    const its = ruleIds.map((ruleId) => byId.get(ruleId)!).filter((rule) => rule.enabled)
    const cannot = its.filter(({ canFire }) => !canFire)
    const reasons = new Set(cannot.flatMap(({ cannotFire }) => cannotFire.map(({ code }) => code)))
    return serves.map((key) => ({
      ...{ tactic: key, tacticZh: names.get(key)?.zh ?? key, technique: id, name: en, nameZh: zh, coverage },
      canFire: its
        .filter(({ canFire }) => canFire)
        .map((rule) => rule.id)
        .join(' '),
      cannotFire: cannot.map((rule) => rule.id).join(' '),
      reasons: [...reasons].join(' '),
      detectionsLast30Days: detections,
    }))
  })
}

const colours: Record<Coverage, string> = { can: '#2f9e5f', cannot: '#e8a33d', none: '' }
const scores: Record<Coverage, number> = { can: 100, cannot: 50, none: 0 }

/**
 * A layer of the ATT&CK Navigator, format 4.5
 * (https://github.com/mitre-attack/attack-navigator/blob/master/layers/spec/v4.5/layerformat.md).
 */
export function navigatorLayer({ techniques }: Matrix, words: { name: string; description: string }): object {
  return {
    name: words.name,
    description: words.description,
    versions: { layer: '4.5', navigator: '5.1.0' },
    domain: 'enterprise-attack',
    techniques: techniques
      .filter(({ coverage, detections }) => coverage !== 'none' || detections > 0)
      .flatMap(({ id, tactics, coverage, ruleIds, detections }) =>
        tactics.map((tactic) => ({
          ...{ techniqueID: id, tactic, score: scores[coverage], color: colours[coverage], enabled: true },
          metadata: [
            { name: 'rules', value: ruleIds.join(', ') || '-' },
            { name: 'detections (30 days)', value: String(detections) },
          ],
        })),
      ),
    gradient: { colors: ['#ffffff', colours.cannot, colours.can], minValue: 0, maxValue: 100 },
    legendItems: [
      { label: 'a rule can fire now', color: colours.can },
      { label: 'enabled, but cannot fire', color: colours.cannot },
    ],
  }
}
