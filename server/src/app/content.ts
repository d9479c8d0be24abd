import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Folder of the shipped detection knowledge: beside `dist` when published, at the root of the clone otherwise. */
export function shippedContentDir(): string {
  for (const candidate of ['../../content', '../../../content']) {
    const path = fileURLToPath(new URL(candidate, import.meta.url))
    if (existsSync(path)) return path
  }
  throw new TypeError('the content folder is missing from this installation')
}
