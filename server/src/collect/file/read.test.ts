import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { chunkOf } from './evtx/chunk-for-tests.ts'
import { detectFormat } from './format.ts'
import { findInputs, inputName } from './input.ts'
import { type ReadOptions, readFileRecords } from './read.ts'

const folder = mkdtempSync(join(tmpdir(), 'read-'))
afterAll(() => rmSync(folder, { recursive: true }))

let count = 0
function file(content: string | Buffer): string {
  const path = join(folder, `${count++}.log`)
  writeFileSync(path, content)
  return path
}

async function texts(path: string, options: ReadOptions = {}): Promise<string[]> {
  const found: string[] = []
  for (const input of await findInputs([path], () => undefined)) {
    for await (const chunk of readFileRecords(input, options)) found.push(...chunk.records.map(String))
  }
  return found
}

/** A ZIP archive as the format says: local header and data of each member, directory, end. */
function zipOf(members: Record<string, Buffer>, saidBytes?: number): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const [name, content] of Object.entries(members)) {
    const packed = deflateRawSync(content)
    const facts = Buffer.alloc(26)
    facts.writeUInt16LE(20, 0)
    facts.writeUInt16LE(8, 4)
    facts.writeUInt32LE(crc32(content), 10)
    facts.writeUInt32LE(packed.length, 14)
    facts.writeUInt32LE(saidBytes ?? content.length, 18)
    facts.writeUInt16LE(name.length, 22)
    const local = Buffer.concat([Buffer.from('504b0304', 'hex'), facts, Buffer.from(name), packed])
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(at, 10)
    directory.push(Buffer.concat([Buffer.from('504b01021400', 'hex'), facts, tail, Buffer.from(name)]))
    parts.push(local)
    at += local.length
  }
  const end = Buffer.alloc(22)
  end.write('504b0506', 'hex')
  end.writeUInt16LE(directory.length, 8)
  end.writeUInt16LE(directory.length, 10)
  end.writeUInt32LE(
    directory.reduce((sum, { length }) => sum + length, 0),
    12,
  )
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...parts, ...directory, end])
}

const log = Buffer.concat([
  Buffer.from('ElfFile\0', 'latin1'),
  Buffer.alloc(4_088),
  chunkOf([{ id: 5, eventId: 4624, time: '2026-03-01T08:00:00Z', data: { User: 'a' } }]),
])

const rendered = `<?xml version="1.0" encoding="utf-16"?><Events>
<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='P&amp;Q'/><EventID Qualifiers='16384'>7036</EventID>
<TimeCreated SystemTime='2026-03-01T08:00:00.000Z'/><Security/></System><EventData><Data Name='param1'>服务 &#x4e00;</Data><Data>a</Data><Data>b</Data></EventData>
<RenderingInfo Culture='zh-CN'><Message><![CDATA[a < b]]></Message></RenderingInfo></Event>
<Event><System></Event></Events>`

describe('files of any kind', () => {
  it('reads EVTX bare, in gzip and in ZIP', async () => {
    const [plain] = await texts(file(log))
    expect(JSON.parse(plain!).Event.System.EventID).toBe(4624)
    expect(await texts(file(gzipSync(log)))).toEqual([plain])
    expect(await texts(file(zipOf({ 'b/x.evtx': log, 'a.log': Buffer.from('one\ntwo') })))).toEqual([
      'one',
      'two',
      plain,
    ])
  })

  it('says what was damaged in a log and reads the rest', async () => {
    const warnings: string[] = []
    const damaged = Buffer.concat([log, log.subarray(4_096)])
    damaged[4_096 + 130] = 1
    expect(await texts(file(damaged), { onWarning: (text) => warnings.push(text) })).toHaveLength(2)
    expect(warnings.join()).toContain('1 damaged chunks')
  })

  it('reads rendered events in the shape of the binary ones, in UTF-16 too', async () => {
    const [event, broken] = await texts(file(rendered))
    expect(JSON.parse(event!).Event).toEqual({
      '#attributes': { xmlns: 'http://schemas.microsoft.com/win/2004/08/events/event' },
      System: {
        Provider: { '#attributes': { Name: 'P&Q' } },
        EventID: { '#attributes': { Qualifiers: '16384' }, '#text': '7036' },
        TimeCreated: { '#attributes': { SystemTime: '2026-03-01T08:00:00.000Z' } },
        Security: null,
      },
      EventData: { param1: '服务 一', Data: { '#text': ['a', 'b'] } },
      RenderingInfo: { '#attributes': { Culture: 'zh-CN' }, Message: 'a < b' },
    })
    expect(broken).toBe('<Event><System></Event>')
    expect(await texts(file(Buffer.from(`\ufeff${rendered}`, 'utf16le')))).toEqual([event, broken])
  })

  it('reads CSV by the names in its first row', async () => {
    const csv =
      'Level,Date and Time,Source,Event ID,Task Category\r\nInfo,2026-03-01,"a, ""b""",7036,None,"two\nlines"\r\n'
    expect((await texts(file(csv))).map((text) => JSON.parse(text))).toEqual([
      {
        Level: 'Info',
        TimeCreated_SystemTime: '2026-03-01',
        Provider_Name: 'a, "b"',
        EventID: '7036',
        Task: 'None',
        Message: 'two\nlines',
      },
    ])
    expect(detectFormat(Buffer.from('Mar 1, 2026, host sshd: a\nMar 1, 2026, host sshd: b\n'))).toBe('lines')
  })

  it('walks folders in the order of names and leaves what is in the way', async () => {
    const inner = join(folder, 'tree')
    mkdirSync(join(inner, 'b'), { recursive: true })
    writeFileSync(join(inner, 'b', 'two.log'), 'x')
    writeFileSync(join(inner, 'a.log'), 'x')
    writeFileSync(join(inner, 'c.zip'), Buffer.concat([Buffer.from('504b0304', 'hex'), Buffer.alloc(100)]))
    const warnings: string[] = []
    const found = await findInputs([inner], (text) => warnings.push(text))
    expect(found.map((input) => inputName(input).slice(inner.length))).toEqual(['/a.log', '/b/two.log'])
    expect(warnings.join()).toContain('c.zip')
  })

  it('refuses bombs and archives that lie about their size', async () => {
    const zeros = Buffer.alloc(200 << 20, `${'a'.repeat(10_000)}\n`)
    await expect(texts(file(gzipSync(zeros)))).rejects.toMatchObject({ code: 'TOO_LARGE' })
    await expect(texts(file(zipOf({ 'a.log': zeros })))).rejects.toMatchObject({ code: 'TOO_LARGE' })
    const lying = zipOf({ 'a.log': Buffer.from('x\n'.repeat(1_000)) }, 10)
    await expect(texts(file(lying))).rejects.toMatchObject({ code: 'IMPORT_DAMAGED' })
  })
})
