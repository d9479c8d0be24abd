import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { CodedError } from '../../event/errors.ts'
import type { RawRecord } from '../../event/raw-record.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { conversation, frame, pcap } from '../../traffic/captures-for-tests.ts'
import { importFile } from './import.ts'
import { type FileChunk, readFileRecords } from './read.ts'

const folder = mkdtempSync(join(tmpdir(), 'import-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(content: string | Buffer): string {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.log`)
  writeFileSync(path, content)
  return path
}

async function texts(content: string | Buffer, options: Parameters<typeof readFileRecords>[1] = {}): Promise<string[]> {
  const found: string[] = []
  for await (const chunk of readFileRecords(file(content), options)) found.push(...chunk.records.map(String))
  return found
}

describe('readFileRecords', () => {
  it('joins continuation lines of text, and only of text', async () => {
    expect(await texts('\ufeffone\r\n\tat a\n  at b\ntwo\n\nthree')).toEqual(['one\r\n\tat a\n  at b', 'two', 'three'])
    expect(await texts('{"a":1}\n {"b":2}\n')).toEqual(['{"a":1}', ' {"b":2}'])
  })

  it('keeps the header lines of Zeek logs', async () => {
    const log = '#separator \\x09\n#fields\tts\tuid\n1.5\tC1\n#close\n'
    expect(await texts(log)).toEqual(['#separator \\x09', '#fields\tts\tuid', '1.5\tC1', '#close'])
  })

  it('takes arrays and pretty-printed documents apart, gzip or not', async () => {
    expect(await texts('[\n {"a": 1},\n {"b": 2}\n]')).toEqual(['{"a": 1}', '{"b": 2}'])
    const dump = 'Record 1\n{\n  "Event": {"x": "}"}\n}\nRecord 2\n{\n  "Event": {}\n}\n'
    expect(await texts(gzipSync(dump))).toEqual(['{\n  "Event": {"x": "}"}\n}', '{\n  "Event": {}\n}'])
  })

  it('takes several gzip members as one file', async () => {
    expect(await texts(Buffer.concat([gzipSync('one\n'), gzipSync('two\n')]))).toEqual(['one', 'two'])
  })

  it('cuts a gigantic line into parts and loses no byte', async () => {
    const parts = await texts(`${'x'.repeat(2_500)}\nend`, { limits: { recordBytes: 1_000 } })
    expect(parts.map((part) => part.length)).toEqual([1_000, 1_000, 500, 3])
  })

  it('hands on what stands before the damage, then says where it is', async () => {
    const lines = Array.from({ length: 50_000 }, (_, index) => `line ${index} ${(index * 7_919) % 104_729}`)
    const whole = gzipSync(lines.join('\n'))
    const path = file(whole.subarray(0, whole.length / 2))
    const found: string[] = []
    const reading = (async () => {
      for await (const chunk of readFileRecords(path)) found.push(...chunk.records.map(String))
    })()
    await expect(reading).rejects.toMatchObject({ code: 'IMPORT_DAMAGED' })
    expect(found.length).toBeGreaterThan(1_000)
    expect(found.slice(0, -1)).toEqual(lines.slice(0, found.length - 1))
    await expect(texts('{\n"a":1}\n{\n"b":')).rejects.toMatchObject({ code: 'IMPORT_DAMAGED' })
  })

  it('refuses binary formats and missing files with a code', async () => {
    await expect(texts(Buffer.from('ElfFile\0rest'))).rejects.toMatchObject({ code: 'IMPORT_DAMAGED' })
    await expect(texts(Buffer.from('28b52ffd02000400', 'hex'))).rejects.toMatchObject({ code: 'IMPORT_UNSUPPORTED' })
    await expect(readFileRecords(join(folder, 'none')).next()).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('takes what the conversations of a packet capture say as records, and all of it from one that is cut off', async () => {
    const whole = pcap(
      conversation([
        ['>', 'GET /x HTTP/1.1\r\nHost: portal.example\r\n\r\n'],
        ['<', 'HTTP/1.1 204 No\r\n\r\n'],
      ]),
    )
    for (const content of [whole, gzipSync(whole), whole.subarray(0, whole.length - 3)]) {
      const records = (await texts(content)).map((text) => JSON.parse(text) as Record<string, unknown>)
      expect(records.map((record) => record['event.dataset'])).toEqual(['http', 'flow'])
      expect(records[0]).toMatchObject({ 'url.full': 'http://portal.example/x', 'http.response.status_code': 204 })
    }
  })

  it('gives the same chunks at every run and resumes at their borders', async () => {
    for (const content of [
      Array.from({ length: 1_000 }, (_, index) => `line ${index}${index % 7 === 0 ? '\n\tmore' : ''}`).join('\n'),
      JSON.stringify(Array.from({ length: 1_000 }, (_, index) => ({ index }))),
      pcap(Array.from({ length: 1_000 }, (_, index) => frame({ sourcePort: 1_024 + index, flags: 'S' }))),
    ]) {
      const path = file(gzipSync(content))
      const limits = { chunkRecords: 64 }
      const all: FileChunk[] = []
      for await (const chunk of readFileRecords(path, { limits })) all.push(chunk)
      expect(all.length).toBeGreaterThan(10)
      const resumed: FileChunk[] = []
      for await (const chunk of readFileRecords(path, { limits, fromOffset: all[4]!.nextOffset })) resumed.push(chunk)
      expect(resumed.map(({ offset, records }) => [offset, records])).toEqual(
        all.slice(5).map(({ offset, records }) => [offset, records]),
      )
    }
  })
})

describe('importFile', () => {
  it('sends chunks with keys that a second run repeats, and waits out a full queue', async () => {
    const path = file(Array.from({ length: 250 }, (_, index) => `line ${index}`).join('\n'))
    const seen = new Map<string, RawRecord[]>()
    let refusals = 1
    const send = async (records: RawRecord[], key: string) => {
      if (refusals-- > 0) throw new CodedError('BUS_FULL', 'full')
      if (!seen.has(key)) seen.set(key, records)
    }
    const options = { send, clock: systemClock, source: 'old', limits: { chunkRecords: 100 } }
    const first = await importFile(path, options)
    expect(first).toMatchObject({ records: 250, chunks: 3, fileBytesDone: first.fileBytes })
    await importFile(path, options)
    expect([...seen.values()].flat()).toHaveLength(250)
    expect([...seen.values()][0]![0]).toMatchObject({
      transport: 'file',
      source: 'old',
      sender: path.split('/').at(-1),
    })
  })
})
