import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { FileInput } from './input.ts'
import { splitInputs } from './parts.ts'
import { readFileRecords } from './read.ts'

const folder = mkdtempSync(join(tmpdir(), 'watchfire-parts-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const path = join(folder, 'log')

async function recordsOf(inputs: readonly FileInput[], isPart: boolean): Promise<string[]> {
  const records: string[] = []
  for (const input of inputs)
    for await (const chunk of readFileRecords(input, isPart ? { format: 'ndjson' } : {}))
      records.push(...chunk.records.map((record) => record.toString('utf8')))
  return records
}

async function split(content: string | Buffer, partBytes: number) {
  writeFileSync(path, content)
  return splitInputs([{ path, bytes: statSync(path).size }], partBytes)
}

describe('parts of a file', () => {
  it('hold, one after the other, the records of the whole, each once', async () => {
    const value = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.constant('x'.repeat(300)))
    const lines = fc.array(
      fc.oneof(
        { weight: 9, arbitrary: value.map((a) => JSON.stringify({ a })) },
        fc.constantFrom('', 'no json', ' {"b":1}'),
      ),
      {
        maxLength: 60,
      },
    )
    const ends = fc.constantFrom('\n', '\r\n')
    let several = 0
    await fc.assert(
      fc.asyncProperty(
        lines,
        ends,
        fc.boolean(),
        fc.integer({ min: 1, max: 400 }),
        async (list, end, isEnded, partBytes) => {
          const parts = await split(`{"first":1}${end}${list.join(end)}${isEnded ? end : ''}`, partBytes)
          if (parts.length > 1) several++
          expect(parts.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(statSync(path).size)
          expect(await recordsOf(parts, true)).toEqual(await recordsOf([{ path }], false))
        },
      ),
      { numRuns: 300 },
    )
    expect(several).toBeGreaterThan(100)
  }, 60_000)

  it('are not made of what is no file of lines', async () => {
    const lines = '{"a":1}\n'.repeat(200)
    for (const content of [
      gzipSync(lines),
      `[${'{"a":1},\n'.repeat(200)}{}]`,
      '{\n"a": 1\n}\n'.repeat(200),
      'a,b,c\n1,2,3\n'.repeat(200),
      '#separator \\x09\n'.repeat(200),
      'Mar  2 10:00:00 h sshd[1]: x\n'.repeat(200),
      Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(lines, 'utf16le')]),
      Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(2000)]),
    ])
      expect(await split(content, 100)).toHaveLength(1)
    expect(await split(lines, 100)).toHaveLength(15)
    expect(await split(lines, 1000)).toHaveLength(1)
    expect(await splitInputs([{ path: join(folder, 'absent'), bytes: 9999 }], 10)).toHaveLength(1)
  })
})
