import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { shippedContentDir } from '../../server/src/config/content-dir.ts'
import { captureOf } from '../../tools/captures/scenario.ts'
import { threats } from '../../tools/captures/threats.ts'

const root = join(shippedContentDir(), 'rules', 'traffic')

it.each(Object.entries(threats))('the captures of %s are what its script writes', (rule, captures) => {
  for (const kind of ['fires', 'silent'] as const) {
    const kept = readFileSync(join(root, rule, `${kind}.packets.pcap`))
    expect(captureOf(captures[kind]).equals(kept), `${kind}: npm run captures ${rule}`).toBe(true)
  }
})
