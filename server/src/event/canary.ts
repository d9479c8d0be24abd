/**
 * A canary is a record the platform sends itself, to see that a source's way through all stages is open. Only collectors make
 * records of the transport `canary`, after they have checked the proof in the record (collect/canary.ts), so nobody else's
 * record is ever taken for one; from there on the key of its sender tells it apart.
 */
export interface CanaryMark {
  /** Id of the canary in the state store. */
  id: string
  /** Parser that is pinned for the source under test; empty when it has to be recognised. */
  parser: string
}

/** Unit of the events of canaries: of nobody, so that no person, search, figure or rule state ever meets them. */
export const canaryUnitPath = '/0/'

const prefix = 'canary:'

/** The name by which a canary's records go as a source (RawRecord.source). */
export function canarySource({ id, parser }: CanaryMark): string {
  return parser === '' ? id : `${id}/${parser}`
}

/** The same as a source key. */
export function canaryKey(mark: CanaryMark): string {
  return prefix + canarySource(mark)
}

export function isCanaryKey(sourceKey: string): boolean {
  return sourceKey.startsWith(prefix)
}

/** The canary a source key stands for; undefined for every real sender. */
export function canaryOf(sourceKey: string): CanaryMark | undefined {
  if (!isCanaryKey(sourceKey)) return undefined
  const [id = '', parser = ''] = sourceKey.slice(prefix.length).split('/')
  return { id, parser }
}

/** What the threads tell of a canary on the channel `canaries`, as it passes. */
export interface CanaryNews {
  id: string
  hop: 'parsed' | 'detected' | 'correlated'
  atMs: number
  /** Rules that matched, or came out of the correlations. */
  ruleIds?: string[]
  /** Of `parsed`: an event of it, and whether a parser understood it. */
  eventId?: string
  understood?: boolean
}
