import { readPrivateFile, replacePrivateFile } from '../../lib/private-file.ts'
import type { Clock } from '../clock/clock.ts'

/**
 * The random password kept in the file at `path` (mode 0600); made at first use, and durable before it is used: a server that was
 * made with it would let nobody in without. 48 hexadecimal digits.
 */
export function keptSecret(path: string, clock: Clock): string {
  const kept = readPrivateFile(path)?.trim() ?? ''
  if (kept.length >= 32) return kept
  const secret = clock.random(24).toString('hex')
  replacePrivateFile(path, `${secret}\n`, clock.id())
  return secret
}
