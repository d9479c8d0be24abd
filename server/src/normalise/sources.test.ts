// Every shipped source: its samples give its expected events. After a wanted change look at what differs and run
//   npx vitest run server/src/normalise/sources.test.ts -u
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fieldType } from '../event/catalogue.ts'
import type { Event } from '../event/event.ts'
import { loadParsers } from './load.ts'
import { createNormaliser } from './normalise.ts'

const contentDir = join(import.meta.dirname, '../../../content')
const sourcesDir = join(contentDir, 'sources')
const { parsers, refused } = loadParsers([contentDir])
const receivedAtMs = Date.UTC(2026, 2, 2, 4)

/** One event a line: time, then fields by name. Ids and bytes follow from the input and are left out. */
function render(event: Event): string {
  const fields = Object.fromEntries(Object.entries(event.fields).sort(([left], [right]) => (left < right ? -1 : 1)))
  return JSON.stringify({ '@timestamp': new Date(event.timeMs).toISOString(), ...fields })
}

describe('shipped sources', () => {
  it('are all accepted', () => expect(refused).toEqual([]))

  for (const name of readdirSync(sourcesDir).filter((entry) => statSync(join(sourcesDir, entry)).isDirectory())) {
    const samplesDir = join(sourcesDir, name, 'samples')
    it(`${name}: samples are recognised and give the expected events`, async () => {
      expect(existsSync(samplesDir), 'a source has samples').toBe(true)
      const lines: string[] = []
      for (const file of readdirSync(samplesDir).sort()) {
        // Each file is a sender of its own; nothing is pinned, so that recognition is tested too.
        const normaliser = createNormaliser(parsers, { zone: 'Asia/Shanghai' })
        const bodies = readFileSync(join(samplesDir, file), 'utf8')
          .split('\n')
          .filter((line) => line !== '')
        const records = bodies.map((body, offset) => ({
          partition: 0,
          offset,
          record: { receivedAtMs, transport: 'file' as const, sender: file, source: '', body: Buffer.from(body) },
        }))
        const { events, sources } = normaliser.normalise(records)
        expect(sources[0], file).toMatchObject({ records: bodies.length, failed: 0, parser: name })
        for (const event of events) {
          expect(event.fields['event.dataset']).not.toBe('unparsed')
          for (const field of Object.keys(event.fields)) expect(fieldType(field), `${file}: ${field}`).toBeDefined()
          lines.push(render(event))
        }
      }
      await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(join(sourcesDir, name, 'expected.ndjson'))
    })
  }
})
