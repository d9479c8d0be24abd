import { asc, gt, sql } from 'drizzle-orm'
import { auditHead, auditRows } from '../../seams/store/schema/audit.ts'
import type { Database, Transaction } from '../../seams/store/store.ts'
import { translateStoreError } from '../store-error.ts'
import { chainHash, genesisHash } from './chain.ts'
import { headFileLength, isSignedBy, type ReadHead, readHeads } from './head-file.ts'
import { signingKeyAction } from './sign-head.ts'
import { publicKeyId, readSigningKey } from './signing-key.ts'

/** The first thing that is wrong. */
export interface AuditProblem {
  kind: /** The row's columns do not give its hash. */
    | 'altered'
    /** The row is not there, though later ones are. */
    | 'missing'
    /** The row is not bound to the one before it. */
    | 'unbound'
    /** The end of the chain is gone. */
    | 'cut'
    /** The chain is sound in itself, but is not the one whose head was signed. */
    | 'recomputed'
    /** A line of the signed heads is forged, damaged, or taken out. */
    | 'head'
    /** The signing key is not the one the chain names. */
    | 'key'
  /** The row it is about; for `recomputed` the first that may be another. */
  sequence: number
  message: string
}

export interface AuditVerification {
  intact: boolean
  rows: number
  /** Signed heads that were checked. */
  heads: number
  /** Id of the signing key in use, to compare with a note kept elsewhere; null before the first start. */
  keyId: string | null
  problem: AuditProblem | null
}

const batchSize = 5_000

/**
 * Walks the whole chain and the signed heads, in one snapshot, and names the first broken, missing or recomputed row. The
 * program may go on writing meanwhile. Throws STORE_UNAVAILABLE, KEY_FILE_INVALID.
 */
export async function verifyAudit(database: Database, dataDir: string): Promise<AuditVerification> {
  // Before the snapshot: what was signed by now must be in it.
  const headLength = headFileLength(dataDir)
  const ownKey = readSigningKey(dataDir)
  const heads = readHeads(dataDir, headLength)
  const walk: Walk = { rows: 0, lastHash: genesisHash, heads: 0, lastGoodHead: 0, keys: new Map() }
  if (ownKey) walk.keys.set(ownKey.id, ownKey.publicKey)
  try {
    // unaudited: it only reads, in one snapshot.
    const problem = await database.transaction(
      async (transaction) =>
        (await walkRows(transaction, walk, heads)) ?? (await checkEnd(transaction, walk, heads, ownKey?.id)),
      { isolationLevel: 'repeatable read', accessMode: 'read only' },
    )
    return {
      intact: problem === undefined,
      rows: walk.rows,
      heads: walk.heads,
      keyId: ownKey?.id ?? null,
      problem: problem ?? null,
    }
  } catch (error) {
    throw translateStoreError(error)
  } finally {
    await heads.return(undefined)
  }
}

interface Walk {
  rows: number
  lastHash: string
  heads: number
  lastGoodHead: number
  /** Public keys by id: our own, and those the chain has named so far. */
  keys: Map<string, string>
  lastNamedKey?: string
  pending?: ReadHead
}

type Row = typeof auditRows.$inferSelect

async function walkRows(
  transaction: Transaction,
  walk: Walk,
  heads: AsyncGenerator<ReadHead>,
): Promise<AuditProblem | undefined> {
  for (;;) {
    const batch = await transaction
      .select()
      .from(auditRows)
      .where(gt(auditRows.sequence, walk.rows))
      .orderBy(asc(auditRows.sequence))
      .limit(batchSize)
    for (const row of batch) {
      const problem = checkRow(walk, row)
      if (problem) return problem
      walk.rows = row.sequence
      walk.lastHash = row.hash
      nameKey(walk, row)
      const headProblem = await checkHeads(walk, heads)
      if (headProblem) return headProblem
    }
    if (batch.length < batchSize) return undefined
  }
}

function checkRow({ rows, lastHash }: Walk, row: Row): AuditProblem | undefined {
  const expected = rows + 1
  if (row.sequence !== expected) {
    const until = row.sequence - 1
    const message = until === expected ? `Row ${expected} is missing` : `Rows ${expected} to ${until} are missing`
    return { kind: 'missing', sequence: expected, message }
  }
  if (row.previousHash !== lastHash) {
    return {
      kind: 'unbound',
      sequence: expected,
      message: `Row ${expected} is not bound to row ${rows}: one of the two is not the original`,
    }
  }
  if (chainHash({ ...row, timeMs: row.time.getTime() }) !== row.hash) {
    return { kind: 'altered', sequence: expected, message: `Row ${expected} (${row.action} ${row.target}) was altered` }
  }
  return undefined
}

function nameKey(walk: Walk, row: Row): void {
  if (row.action !== signingKeyAction || typeof row.detail.publicKey !== 'string') return
  walk.lastNamedKey = publicKeyId(row.detail.publicKey)
  walk.keys.set(walk.lastNamedKey, row.detail.publicKey)
}

/** Checks the heads up to the row the walk stands at. */
async function checkHeads(walk: Walk, heads: AsyncGenerator<ReadHead>): Promise<AuditProblem | undefined> {
  for (;;) {
    walk.pending ??= await nextHead(heads)
    const { pending } = walk
    if (pending === undefined || (pending.head && pending.head.sequence > walk.rows)) return undefined
    const problem = checkHead(walk, pending)
    if (problem) return problem
    walk.pending = undefined
  }
}

async function nextHead(heads: AsyncGenerator<ReadHead>): Promise<ReadHead | undefined> {
  const next = await heads.next()
  return next.done ? undefined : next.value
}

function checkHead(walk: Walk, { head, linked }: ReadHead): AuditProblem | undefined {
  const line = walk.heads + 1
  const sequence = head?.sequence ?? walk.rows
  if (!head) return { kind: 'head', sequence, message: `Line ${line} of the signed heads is not a head` }
  if (!linked)
    return {
      kind: 'head',
      sequence,
      message: `A line before line ${line} of the signed heads was taken out or changed`,
    }
  const publicKey = walk.keys.get(head.keyId)
  if (publicKey === undefined || !isSignedBy(publicKey, head)) {
    return {
      kind: 'head',
      sequence,
      message: `Line ${line} of the signed heads is not signed by a key of this installation`,
    }
  }
  if (head.sequence < walk.rows || head.hash !== walk.lastHash) {
    const first = walk.lastGoodHead + 1
    const message = `The chain was computed anew: a row from ${first} to ${head.sequence} is not the one that was signed at ${head.at}`
    return { kind: 'recomputed', sequence: Math.min(first, head.sequence), message }
  }
  walk.heads = line
  walk.lastGoodHead = head.sequence
  return undefined
}

/** What only shows once the last row was seen. */
async function checkEnd(
  transaction: Transaction,
  walk: Walk,
  heads: AsyncGenerator<ReadHead>,
  ownKeyId: string | undefined,
): Promise<AuditProblem | undefined> {
  const early = await checkHeads(walk, heads)
  if (early) return early
  const signed = walk.pending?.head
  if (signed) {
    const forged =
      walk.keys.has(signed.keyId) && isSignedBy(walk.keys.get(signed.keyId)!, signed) ? undefined : 'forged'
    if (forged)
      return {
        kind: 'head',
        sequence: signed.sequence,
        message: `Line ${walk.heads + 1} of the signed heads is not signed by a key of this installation`,
      }
    return cut(walk, signed.sequence, `signed at ${signed.at}`)
  }
  const [head] = await transaction.select().from(auditHead)
  const end = head ?? { sequence: 0, hash: genesisHash }
  if (end.sequence > walk.rows) return cut(walk, end.sequence, 'which the head names')
  if (end.sequence < walk.rows || end.hash !== walk.lastHash) {
    const sequence = end.sequence + 1
    return {
      kind: 'unbound',
      sequence,
      message: `The head of the chain names row ${end.sequence}, but the last row is ${walk.rows}`,
    }
  }
  return checkKeys(transaction, walk, ownKeyId)
}

function cut(walk: Walk, until: number, why: string): AuditProblem {
  const sequence = walk.rows + 1
  return { kind: 'cut', sequence, message: `The end of the chain is gone: rows ${sequence} to ${until}, ${why}` }
}

async function checkKeys(
  transaction: Transaction,
  walk: Walk,
  ownKeyId: string | undefined,
): Promise<AuditProblem | undefined> {
  if (walk.lastNamedKey === undefined) return undefined
  const [named] = await transaction
    .select({ sequence: sql<number>`max(${auditRows.sequence})::int` })
    .from(auditRows)
    .where(sql`${auditRows.action} = ${signingKeyAction}`)
  const sequence = named?.sequence ?? 0
  if (walk.lastNamedKey !== ownKeyId) {
    return {
      kind: 'key',
      sequence,
      message: `Row ${sequence} names the signing key ${walk.lastNamedKey}, but the key file holds ${ownKeyId ?? 'none'}`,
    }
  }
  if (walk.heads === 0) {
    return {
      kind: 'head',
      sequence,
      message: 'The file of signed heads is gone or empty, though a signing key was named',
    }
  }
  return undefined
}
