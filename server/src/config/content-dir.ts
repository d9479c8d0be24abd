import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * The folder of the detection knowledge that is shipped: `content/` inside the published package, or beside `server/`
 * in a clone. This module lies two folders below the package root, compiled or not.
 */
export function shippedContentDir(): string {
  const inPackage = fileURLToPath(new URL('../../content', import.meta.url))
  return existsSync(inPackage) ? inPackage : fileURLToPath(new URL('../../../content', import.meta.url))
}
