import { parseClamdAddress, scanWithClamd } from '../../traffic/files/clamd.ts'
import type { FileJudge } from './file-judges.ts'

/** clamd as a judge; `address` is `tcp://HOST:PORT` or `unix:/PATH`. Throws CONFIG_INVALID. */
export function clamavJudge(address: string): FileJudge {
  const place = parseClamdAddress(address)
  return {
    name: 'clamav',
    timeoutMs: 60_000,
    wants: () => true,
    async judge(content, _file, signal) {
      const signature = await scanWithClamd(place, content, signal)
      return signature === undefined
        ? undefined
        : { 'traffic.file.verdict': 'malicious', 'traffic.file.signature': signature }
    },
  }
}
