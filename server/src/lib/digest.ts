import { createHash, getHashes } from 'node:crypto'
import smCrypto from 'sm-crypto'

/** The two hash functions a chain may name: SM3 (GB/T 32905-2016) and SHA-256 (FIPS 180-4). */
export type DigestAlgorithm = 'sm3' | 'sha256'

const hasNativeSm3 = getHashes().includes('sm3')

/** Lower-case hex digest of UTF-8 text. SM3 comes from OpenSSL (3 us) or, where it was built without, from sm-crypto (21 us). */
export function digestHex(algorithm: DigestAlgorithm, text: string): string {
  if (algorithm === 'sm3' && !hasNativeSm3) return smCrypto.sm3(text)
  return createHash(algorithm).update(text, 'utf8').digest('hex')
}

/** SHA-256 of a high-entropy secret, for looking it up without keeping it. */
export function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest()
}
