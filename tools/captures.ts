// Writes the captures beside the rules of content/rules/traffic. Run it after a script changed: npm run captures [RULE...]
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { shippedContentDir } from '../server/src/config/content-dir.ts'
import { captureOf } from './captures/scenario.ts'
import { threats } from './captures/threats.ts'

const wanted = new Set(process.argv.slice(2))
for (const [rule, { fires, silent }] of Object.entries(threats)) {
  if (wanted.size > 0 && !wanted.has(rule)) continue
  const folder = join(shippedContentDir(), 'rules', 'traffic', rule)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'fires.packets.pcap'), captureOf(fires))
  writeFileSync(join(folder, 'silent.packets.pcap'), captureOf(silent))
}
