import type { CorrelateSettings } from './settings.ts'
import { compare } from './stage.ts'

/** A detection of this batch that has to find its incident. */
export interface GroupNode {
  id: string
  /** The incident it belongs to already (it was seen before and now names a further entity); null when it is new. */
  incidentId: number | null
  bucketMs: number
  /** What it is counted by (dedupe.ts). */
  principal: string
  /** What may link it, of its own unit alone (links.ts `unitKey`), and whether it is the detection's own. */
  keys: { key: string; isOwn: boolean }[]
}

/** Where a key was detected before, in an incident that is not closed. */
export interface Neighbour {
  key: string
  principal: string
  bucketMs: number
  incidentId: number
  isOwn: boolean
}

/** Span of the detections of an incident that is not closed, in buckets. */
export interface IncidentSpan {
  firstBucketMs: number
  lastBucketMs: number
}

export interface Group {
  /** Incidents that are one from now on; empty for a new one. */
  incidentIds: number[]
  nodeIds: string[]
  firstBucketMs: number
  lastBucketMs: number
  /** What it would have joined but for the time window: an earlier group of the result, or an incident beside them. */
  continues: { group: number } | { incidentId: number } | null
}

interface Item {
  element: number
  principal: string
  bucketMs: number
  isOwn: boolean
}

interface Edge {
  a: Item
  b: Item
}

/**
 * Finds the connected components of detections. Two are linked when they are of one unit, share an entity that is the own
 * of at least one of them (who acted, or the host it acted on as a local account), and their buckets are at most `gapMs`
 * apart; a component never spans more than `windowMs`. Units never share an incident, also not with one above: it would
 * be taken from whoever works on it below (docs/reference/incidents.md). So an attacker, a host that was
 * attacked and then acts, and an account that was taken over tie an attack together, while two strangers that attack
 * the same portal stay apart. A key that was seen with more than `hubLimit` principals links only detections of the same
 * principal.
 *
 * The links depend on nothing but the detections themselves, so within one window, and while nothing becomes a hub,
 * any order of arrival gives the same components.
 */
export function group(
  nodes: GroupNode[],
  neighbours: Neighbour[],
  spans: ReadonlyMap<number, IncidentSpan>,
  hubs: ReadonlySet<string>,
  settings: CorrelateSettings,
): Group[] {
  const forest = new Forest(settings.windowMs)
  const incidentElements = new Map<number, number>()
  for (const [incidentId, span] of [...spans].sort((a, b) => a[0] - b[0])) {
    incidentElements.set(incidentId, forest.add(span.firstBucketMs, span.lastBucketMs))
  }
  const itemsByKey = new Map<string, Item[]>()
  const addItem = (key: string, item: Item) => {
    const own = hubs.has(key) ? `${key}\0${item.principal}` : key
    const items = itemsByKey.get(own)
    if (items) items.push(item)
    else itemsByKey.set(own, [item])
  }
  const nodeElements = nodes.map((node) => {
    const element = forest.add(node.bucketMs, node.bucketMs)
    const own = node.incidentId === null ? undefined : incidentElements.get(node.incidentId)
    if (own !== undefined) forest.join(element, own, true)
    for (const { key, isOwn } of node.keys) addItem(key, { ...node, isOwn, element })
    return element
  })
  for (const neighbour of neighbours) {
    const element = incidentElements.get(neighbour.incidentId)
    if (element !== undefined) addItem(neighbour.key, { ...neighbour, element })
  }
  const refused = linkAll(itemsByKey, forest, settings.gapMs)
  return collect(nodes, nodeElements, incidentElements, forest, refused)
}

/** Joins along every link, earliest first; returns the links the window refused. */
function linkAll(itemsByKey: Map<string, Item[]>, forest: Forest, gapMs: number): Edge[] {
  const edges: Edge[] = []
  for (const items of itemsByKey.values()) if (items.length > 1) edges.push(...linksOf(items, gapMs))
  edges.sort(
    (x, y) =>
      x.a.bucketMs - y.a.bucketMs ||
      x.b.bucketMs - y.b.bucketMs ||
      compare(x.a.principal, y.a.principal) ||
      compare(x.b.principal, y.b.principal),
  )
  return edges.filter(({ a, b }) => !forest.join(a.element, b.element))
}

/**
 * Links among the detections of one entity of one unit: own ones with their neighbours in time, and all others with the
 * nearest own one before and after. The rest follows, since own ones within the gap are linked already.
 */
function linksOf(items: Item[], gapMs: number): Edge[] {
  const edges: Edge[] = []
  const link = (x: Item, y: Item) => {
    if (Math.abs(x.bucketMs - y.bucketMs) > gapMs || x.element === y.element) return
    edges.push(x.bucketMs <= y.bucketMs ? { a: x, b: y } : { a: y, b: x })
  }
  const own = items.filter(({ isOwn }) => isOwn)
  own.sort((x, y) => x.bucketMs - y.bucketMs || compare(x.principal, y.principal) || x.element - y.element)
  for (let index = 1; index < own.length; index++) link(own[index - 1]!, own[index]!)
  for (const item of items) {
    if (item.isOwn) continue
    const next = firstAtOrAfter(own, item.bucketMs)
    if (next > 0) link(item, own[next - 1]!)
    if (next < own.length) link(item, own[next]!)
  }
  return edges
}

function firstAtOrAfter(sorted: Item[], bucketMs: number): number {
  let low = 0
  for (let high = sorted.length; low < high; ) {
    const middle = (low + high) >> 1
    if (sorted[middle]!.bucketMs < bucketMs) low = middle + 1
    else high = middle
  }
  return low
}

function collect(
  nodes: GroupNode[],
  nodeElements: number[],
  incidentElements: Map<number, number>,
  forest: Forest,
  refused: Edge[],
): Group[] {
  const groups = new Map<number, Group>()
  for (const [index, node] of nodes.entries()) {
    const root = forest.root(nodeElements[index]!)
    const found = groups.get(root)
    if (found) found.nodeIds.push(node.id)
    else groups.set(root, { incidentIds: [], nodeIds: [node.id], ...forest.span(root), continues: null })
  }
  const incidentOfRoot = new Map<number, number>()
  for (const [incidentId, element] of incidentElements) {
    const root = forest.root(element)
    groups.get(root)?.incidentIds.push(incidentId)
    incidentOfRoot.set(root, incidentId)
  }
  const ordered = [...groups].sort(
    ([, x], [, y]) => x.firstBucketMs - y.firstBucketMs || compare(x.nodeIds[0]!, y.nodeIds[0]!),
  )
  const places = new Map(ordered.map(([root], place) => [root, place]))
  for (const { a, b } of refused) {
    const [rootA, rootB] = [forest.root(a.element), forest.root(b.element)]
    if (rootA === rootB) continue
    const isAFirst = forest.span(rootA).firstBucketMs <= forest.span(rootB).firstBucketMs
    const later = groups.get(isAFirst ? rootB : rootA)
    if (!later || later.continues) continue
    const earlier = isAFirst ? rootA : rootB
    const place = places.get(earlier)
    const incidentId = incidentOfRoot.get(earlier)
    if (place !== undefined) later.continues = { group: place }
    else if (incidentId !== undefined) later.continues = { incidentId }
  }
  return ordered.map(([, found]) => found)
}

/** Union-find over spans of time: two sets join only when the joined span fits the window. */
class Forest {
  readonly #parents: number[] = []
  readonly #firstMs: number[] = []
  readonly #lastMs: number[] = []
  readonly #windowMs: number

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  add(firstMs: number, lastMs: number): number {
    const element = this.#parents.length
    this.#parents.push(element)
    this.#firstMs.push(firstMs)
    this.#lastMs.push(lastMs)
    return element
  }

  root(element: number): number {
    let root = element
    while (this.#parents[root] !== root) root = this.#parents[root]!
    for (let step = element; step !== root; ) {
      const next = this.#parents[step]!
      this.#parents[step] = root
      step = next
    }
    return root
  }

  span(root: number): { firstBucketMs: number; lastBucketMs: number } {
    return { firstBucketMs: this.#firstMs[root]!, lastBucketMs: this.#lastMs[root]! }
  }

  /** True when both are in one set afterwards. */
  join(a: number, b: number, always = false): boolean {
    const [rootA, rootB] = [this.root(a), this.root(b)]
    if (rootA === rootB) return true
    const firstMs = Math.min(this.#firstMs[rootA]!, this.#firstMs[rootB]!)
    const lastMs = Math.max(this.#lastMs[rootA]!, this.#lastMs[rootB]!)
    if (!always && lastMs - firstMs > this.#windowMs) return false
    const root = Math.min(rootA, rootB)
    this.#parents[rootA] = root
    this.#parents[rootB] = root
    this.#firstMs[root] = firstMs
    this.#lastMs[root] = lastMs
    return true
  }
}
