import type { Database } from '../../seams/store/store.ts'
import { translateStoreError } from '../store-error.ts'
import type { MasterKeys } from './master-keys.ts'
import { loadSecret } from './secret.ts'

/** The text of a secret, for a connector about to use it; it never reaches an answer, a log or the audit. Throws NOT_FOUND, SECRET_UNREADABLE. */
export async function useSecret(database: Database, keys: MasterKeys, name: string): Promise<string> {
  try {
    return (await loadSecret(database, keys, name)).toString('utf8')
  } catch (error) {
    throw translateStoreError(error)
  }
}
