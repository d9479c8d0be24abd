import { eq } from 'drizzle-orm'
import type { Clock } from '../../seams/clock/clock.ts'
import { auditHead, auditRows } from '../../seams/store/schema/audit.ts'
import type { Database } from '../../seams/store/store.ts'
import { systemActor } from '../actor.ts'
import { translateStoreError } from '../store-error.ts'
import { rootUnitPath } from '../units/unit.ts'
import { appendAudit } from './append.ts'
import { genesisHash } from './chain.ts'
import { appendHead, type SignedHead, signedHead } from './head-file.ts'
import { openSigningKey, type SigningKey } from './signing-key.ts'

export interface HeadSigner {
  /** Signs the head of the chain now, when it has moved since the last signature. */
  sign(): Promise<SignedHead | undefined>
}

/**
 * Signs the head of the audit chain, now and whenever `sign` is called, into `dataDir/audit-heads.ndjson`, so that cutting the chain's tail or computing it anew
 * is seen. Call `sign` at intervals and at stop, from one process. The key's public half is named in the chain itself.
 * Copying the file to another host makes it proof against whoever owns this one.
 * Throws KEY_FILE_INVALID, STORE_UNAVAILABLE; file errors come as they are.
 */
export async function openHeadSigner(database: Database, clock: Clock, dataDir: string): Promise<HeadSigner> {
  const key = openSigningKey(dataDir, clock)
  try {
    await introduceKey(database, clock, key)
  } catch (error) {
    throw translateStoreError(error)
  }
  const signer: HeadSigner = {
    async sign() {
      const [head] = await database
        .select({ sequence: auditHead.sequence, hash: auditHead.hash })
        .from(auditHead)
        .catch((error: unknown) => {
          throw translateStoreError(error)
        })
      const { sequence, hash } = head ?? { sequence: 0, hash: genesisHash }
      return appendHead(dataDir, (last, previous) => {
        // A chain that became shorter or other is signed as it is: verify names the contradiction.
        if (last?.sequence === sequence && last.hash === hash && last.keyId === key.id) return undefined
        return signedHead(key, { sequence, hash, at: new Date(clock.now()).toISOString(), previous })
      })
    },
  }
  await signer.sign()
  return signer
}

/** Action of the rows that name a signing key. */
export const signingKeyAction = 'audit.signing-key'

async function introduceKey(database: Database, clock: Clock, key: SigningKey): Promise<void> {
  await database.transaction(async (transaction) => {
    const known = await transaction
      .select({ target: auditRows.target })
      .from(auditRows)
      .where(eq(auditRows.action, signingKeyAction))
    const target = `audit-key:${key.id}`
    if (known.some((row) => row.target === target)) return
    const actor = systemActor('audit')
    const detail = { publicKey: key.publicKey }
    await appendAudit(transaction, clock, { actor, action: signingKeyAction, target, unitPath: rootUnitPath, detail })
  })
}
