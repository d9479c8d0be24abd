/** Places of the entities of an incident: who acts on the left, what is acted upon on the right, the rest between. */

export interface PlacedNode {
  id: string
  role: 'actor' | 'target' | 'observed'
  detectionCount: number
}

const columnOf = { actor: 0, observed: 1, target: 2 } as const

/** Coordinates in a box of `width` by `height`; each column is spread evenly, the busiest in its middle. */
export function placeNodes<Node extends PlacedNode>(
  nodes: Node[],
  width: number,
  height: number,
): Map<string, { x: number; y: number }> {
  const used = [...new Set(nodes.map(({ role }) => columnOf[role]))].sort((a, b) => a - b)
  const places = new Map<string, { x: number; y: number }>()
  used.forEach((column, position) => {
    const inColumn = fromTheMiddle(
      nodes.filter(({ role }) => columnOf[role] === column).sort((a, b) => b.detectionCount - a.detectionCount),
    )
    inColumn.forEach((node, index) => {
      // Neighbours stand a little aside from each other, so that labels do not touch.
      const aside = inColumn.length > 4 ? (index % 2 === 0 ? -1 : 1) * width * 0.05 : 0
      places.set(node.id, {
        x: (used.length === 1 ? width / 2 : (width * position) / (used.length - 1)) + aside,
        y: (height * (index + 0.5)) / inColumn.length,
      })
    })
  })
  return places
}

/** [1, 2, 3, 4, 5] -> [5, 3, 1, 2, 4]: the first in the middle. */
function fromTheMiddle<Item>(items: Item[]): Item[] {
  const out: Item[] = []
  items.forEach((item, index) => {
    if (index % 2 === 0) out.unshift(item)
    else out.push(item)
  })
  return out.reverse()
}

/** The telling end of a long value: the file of a path, else its beginning. */
export function shortName(value: string, limit = 26): string {
  if (value.length <= limit) return value
  const last = value.split(/[\\/]/).filter(Boolean).at(-1) ?? value
  const text = last.length < value.length ? `…${value.includes('\\') ? '\\' : '/'}${last}` : value
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`
}

export interface GraphEdge {
  from: string
  to: string
  label: string
  severity: string
  detectionCount: number
}

export interface DrawnEdge extends GraphEdge {
  labels: string[]
}

/** One line between two entities, however many rules tie them; the worst of them gives its severity. */
export function joinEdges(edges: GraphEdge[], rank: (severity: string) => number): DrawnEdge[] {
  const joined = new Map<string, DrawnEdge>()
  for (const edge of edges) {
    const key = `${edge.from}\u0000${edge.to}`
    const known = joined.get(key)
    if (!known) {
      joined.set(key, { ...edge, labels: [edge.label] })
      continue
    }
    known.labels.push(edge.label)
    known.detectionCount += edge.detectionCount
    if (rank(edge.severity) > rank(known.severity)) known.severity = edge.severity
  }
  return [...joined.values()]
}
