import type { Schemas } from '../../api/client.ts'

type Matrix = Schemas['AttackMatrix']
type Technique = Matrix['techniques'][number]
export type Coverage = Technique['coverage']

/** A technique with its sub-techniques, as one cell. */
export interface Cell {
  technique: Technique
  subs: Technique[]
  coverage: Coverage
  /** Enabled rules of it and its sub-techniques, and those of them that can fire now. */
  enabled: number
  canFire: number
  detections: number
}

const rank: Record<Coverage, number> = { none: 0, cannot: 1, can: 2 }

/** Cells by technique id: what a sub-technique has counts for its technique. */
export function cellsOf({ techniques, rules }: Matrix): Map<string, Cell> {
  const byId = new Map(rules.map((rule) => [rule.id, rule]))
  const cells = new Map<string, Cell>()
  const ids = new Map<string, Set<string>>()
  const ordered = techniques.toSorted((one, other) => one.id.length - other.id.length || (one.id < other.id ? -1 : 1))
  for (const technique of ordered) {
    const parent = technique.id.split('.')[0]!
    const cell = cells.get(parent) ?? {
      ...{ technique, subs: [], coverage: 'none' as const, enabled: 0, canFire: 0, detections: 0 },
    }
    if (technique.id !== parent) cell.subs.push(technique)
    if (rank[technique.coverage] > rank[cell.coverage]) cell.coverage = technique.coverage
    cell.detections += technique.detections
    cells.set(parent, cell)
    const its = ids.get(parent) ?? new Set<string>()
    for (const id of technique.ruleIds) its.add(id)
    ids.set(parent, its)
  }
  for (const [id, cell] of cells) {
    const its = [...ids.get(id)!].map((ruleId) => byId.get(ruleId)!).filter(({ enabled }) => enabled)
    cell.enabled = its.length
    cell.canFire = its.filter(({ canFire }) => canFire).length
  }
  return cells
}
