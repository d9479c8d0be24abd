/** What changed, as the channel `changes` tells it to live screens: enough to ask again, never the thing itself. */
export interface Change {
  noun:
    | 'incident'
    | 'detection'
    | 'finding'
    | 'exception'
    | 'source'
    | 'rule'
    | 'indicator'
    | 'asset'
    | 'unit'
    | 'channel'
    | 'delivery'
    | 'health'
    | 'run'
    | 'canary'
  id: string
  /** What happened: `created`, `changed`, `closed`, `removed` … */
  action: string
  /** Unit it belongs to; only those who see the unit hear of it. Absent: of no unit, everyone with the permission hears. */
  unitPath?: string
  /** Milliseconds since the epoch, UTC. */
  atMs: number
}
