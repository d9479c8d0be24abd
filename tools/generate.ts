// Lines of the fictional city, for trying things out:
// `npx tsx tools/generate.ts [--hours 1] [--source linux-hosts] [--attack] [--until 2026-01-01T00:00:00Z]`.
// Writes one record a line to standard output, oldest first; the same arguments always give the same lines.
import { parseArgs } from 'node:util'
import { breakIn, spread } from '../server/src/app/demo/intrusion.ts'
import type { DemoRecord } from '../server/src/app/demo/lines.ts'
import { historySlot } from '../server/src/app/demo/play.ts'

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '1' },
    source: { type: 'string' },
    attack: { type: 'boolean', default: false },
    until: { type: 'string' },
  },
})
const slotMs = 600_000
const untilMs = values.until === undefined ? Math.floor(Date.now() / slotMs) * slotMs : Date.parse(values.until)
const fromMs = untilMs - Number(values.hours) * 3_600_000
if (!Number.isFinite(fromMs)) {
  console.error('--hours wants a number and --until a time such as 2026-01-01T00:00:00Z')
  process.exit(2)
}
const attack: DemoRecord[] = values.attack ? [...breakIn(untilMs - 50 * 60_000), ...spread(untilMs - 60_000)] : []
for (let slot = Math.floor(fromMs / slotMs) * slotMs; slot < untilMs; slot += slotMs) {
  const happened = attack.filter(({ atMs }) => atMs >= slot && atMs < slot + slotMs)
  const records = [...historySlot(slot, Math.min(slot + slotMs, untilMs)), ...happened].sort((a, b) => a.atMs - b.atMs)
  const texts = records
    .filter(({ source, atMs }) => atMs >= fromMs && (values.source === undefined || source === values.source))
    .map(({ text }) => `${text}\n`)
  if (texts.length > 0 && !process.stdout.write(texts.join('')))
    await new Promise((resolve) => process.stdout.once('drain', resolve))
}
