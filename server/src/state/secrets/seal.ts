import { createCipheriv, createDecipheriv } from 'node:crypto'
import { CodedError } from '../../event/errors.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import type { MasterKey, MasterKeys } from './master-keys.ts'

/** A value under its own data key, and that key under a master key. Each box is nonce (12) ‖ tag (16) ‖ ciphertext. */
export interface Sealed {
  keyId: string
  wrappedKey: Buffer
  box: Buffer
}

const nonceLength = 12
const tagLength = 16

/** Envelope encryption, AES-256-GCM twice. Both boxes are bound to `name`, so that rows cannot be exchanged. */
export function seal(keys: MasterKeys, clock: Clock, name: string, value: Buffer): Sealed {
  const dataKey = clock.random(32)
  const { keyId, wrappedKey } = wrap(keys.current(), clock, name, dataKey)
  return { keyId, wrappedKey, box: encrypt(dataKey, clock, `value:${name}`, value) }
}

/** The inverse of `seal`. Throws SECRET_UNREADABLE when the key is gone or anything was altered. */
export function open(keys: MasterKeys, name: string, sealed: Sealed): Buffer {
  const dataKey = decrypt(keys.find(sealed.keyId).key, `key:${name}:${sealed.keyId}`, sealed.wrappedKey, name)
  return decrypt(dataKey, `value:${name}`, sealed.box, name)
}

/** The same data key under another master key; the value is not touched. */
export function rewrap(
  keys: MasterKeys,
  clock: Clock,
  name: string,
  sealed: Sealed,
): Pick<Sealed, 'keyId' | 'wrappedKey'> {
  const dataKey = decrypt(keys.find(sealed.keyId).key, `key:${name}:${sealed.keyId}`, sealed.wrappedKey, name)
  return wrap(keys.current(), clock, name, dataKey)
}

function wrap(master: MasterKey, clock: Clock, name: string, dataKey: Buffer): Pick<Sealed, 'keyId' | 'wrappedKey'> {
  return { keyId: master.id, wrappedKey: encrypt(master.key, clock, `key:${name}:${master.id}`, dataKey) }
}

function encrypt(key: Buffer, clock: Clock, boundTo: string, plain: Buffer): Buffer {
  const nonce = clock.random(nonceLength)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength }).setAAD(Buffer.from(boundTo))
  const text = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), text])
}

function decrypt(key: Buffer, boundTo: string, box: Buffer, name: string): Buffer {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, nonceLength), { authTagLength: tagLength })
    decipher.setAAD(Buffer.from(boundTo)).setAuthTag(box.subarray(nonceLength, nonceLength + tagLength))
    return Buffer.concat([decipher.update(box.subarray(nonceLength + tagLength)), decipher.final()])
  } catch (cause) {
    throw new CodedError('SECRET_UNREADABLE', `The secret ${name} cannot be opened`, { name }, { cause })
  }
}
