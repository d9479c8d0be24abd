import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Clock } from '../clock/clock.ts'

/** The random password kept in the file at `path` (mode 0600); made at first use. 48 hexadecimal digits. */
export function keptSecret(path: string, clock: Clock): string {
  if (existsSync(path)) {
    chmodSync(path, 0o600)
    const kept = readFileSync(path, 'utf8').trim()
    if (kept.length >= 32) return kept
  }
  const secret = clock.random(24).toString('hex')
  writeFileSync(`${path}.new`, `${secret}\n`, { mode: 0o600 })
  renameSync(`${path}.new`, path)
  return secret
}
