import type { Config } from '../config/config.ts'
import { shippedContentDir } from '../config/content-dir.ts'

/** Folders of detection knowledge, the shipped one first; what lies in a later one replaces what has the same name. */
export function contentDirs(config: Pick<Config, 'contentDir'>): string[] {
  return [shippedContentDir(), ...(config.contentDir ? [config.contentDir] : [])]
}
