import { canonicalJson } from '../../lib/canonical-json.ts'
import { type DigestAlgorithm, digestHex } from '../../lib/digest.ts'

/** Everything a row's hash binds. Times are milliseconds since the epoch, UTC. */
export interface ChainedRow {
  sequence: number
  timeMs: number
  actorKind: string
  actorId: string
  actorName: string
  actorAddress: string | null
  action: string
  target: string
  unitPath: string
  detail: Record<string, unknown>
  algorithm: DigestAlgorithm
  previousHash: string
}

/** What the first row is bound to. */
export const genesisHash = '0'.repeat(64)

/** Hash function of new rows: SM3, as Chinese government systems are assessed against (GM/T 0054). */
export const currentAlgorithm: DigestAlgorithm = 'sm3'

/** Hash of a row: its algorithm over the canonical JSON of all its columns, the previous row's hash among them. */
export function chainHash(row: ChainedRow): string {
  return digestHex(
    row.algorithm,
    canonicalJson({
      sequence: row.sequence,
      time: new Date(row.timeMs).toISOString(),
      actor: { kind: row.actorKind, id: row.actorId, name: row.actorName, address: row.actorAddress },
      action: row.action,
      target: row.target,
      unitPath: row.unitPath,
      detail: row.detail,
      algorithm: row.algorithm,
      previousHash: row.previousHash,
    }),
  )
}
