import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The rules folders of the content folders that have one. */
export function rulePaths(contentDirs: readonly string[]): string[] {
  return contentDirs.map((folder) => join(folder, 'rules')).filter((path) => existsSync(path))
}
