import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { CodedError } from '../../event/errors.ts'
import { createPrivateFile, readPrivateFile } from '../../lib/private-file.ts'
import type { Clock } from '../../seams/clock/clock.ts'

/** The Ed25519 key (RFC 8032) that signs heads of the audit chain; it lies outside the database. */
export interface SigningKey {
  /** First 16 hex digits of the SHA-256 of the public key: what an operator compares with a note kept elsewhere. */
  id: string
  privateKey: KeyObject
  /** Base64 of the public key's SPKI form. */
  publicKey: string
}

const keyPath = (dataDir: string) => join(dataDir, 'keys', 'audit-ed25519.pem')

/** Reads `dataDir/keys/audit-ed25519.pem`, or makes it. Throws KEY_FILE_INVALID when it is damaged; it is never overwritten then. */
export function openSigningKey(dataDir: string, clock: Clock): SigningKey {
  const present = readSigningKey(dataDir)
  if (present) return present
  const { privateKey } = generateKeyPairSync('ed25519')
  createPrivateFile(keyPath(dataDir), privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), clock.id())
  return readSigningKey(dataDir)!
}

/** The key, or undefined when none was made yet. */
export function readSigningKey(dataDir: string): SigningKey | undefined {
  const path = keyPath(dataDir)
  const text = readPrivateFile(path)
  if (text === undefined) return undefined
  try {
    const privateKey = createPrivateKey(text)
    if (privateKey.asymmetricKeyType !== 'ed25519') throw new TypeError(`it is of type ${privateKey.asymmetricKeyType}`)
    const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64')
    return { id: publicKeyId(publicKey), privateKey, publicKey }
  } catch (cause) {
    throw new CodedError(
      'KEY_FILE_INVALID',
      `${path} is not an Ed25519 key: ${(cause as Error).message}`,
      { path },
      { cause },
    )
  }
}

/** Id of a public key in base64 SPKI. */
export function publicKeyId(publicKey: string): string {
  return createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('hex').slice(0, 16)
}
