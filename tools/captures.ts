// Writes the captures beside the rules of content/rules/traffic. Run it after a script changed: npm run captures [RULE...]
// `npm run captures intrusion FILE` writes an intrusion that began an hour ago, for a sensor or an import to look at.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { shippedContentDir } from '../server/src/config/content-dir.ts'
import { systemClock } from '../server/src/seams/clock/clock.ts'
import { intrusion } from './captures/intrusion.ts'
import { captureOf } from './captures/scenario.ts'
import { threats } from './captures/threats.ts'

const [first, file] = process.argv.slice(2)
if (first === 'intrusion') writeFileSync(file ?? 'intrusion.pcap', intrusion(systemClock.now() - 3_600_000))
else writeSamples(new Set(process.argv.slice(2)))

function writeSamples(wanted: ReadonlySet<string>): void {
  for (const [rule, { fires, silent }] of Object.entries(threats)) {
    if (wanted.size > 0 && !wanted.has(rule)) continue
    const folder = join(shippedContentDir(), 'rules', 'traffic', rule)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'fires.packets.pcap'), captureOf(fires))
    writeFileSync(join(folder, 'silent.packets.pcap'), captureOf(silent))
  }
}
