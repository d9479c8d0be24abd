import { brotliCompressSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { decodeBody } from './body.ts'
import { bulkIdempotencyKey, bulkRecords, bulkResponse, readBulk } from './bulk.ts'
import { ingestLimits } from './limits.ts'
import { ingestLines } from './lines.ts'

const facts = { sender: 'token', source: 'web', receivedAtMs: 1_000 }
const texts = (body: string, contentType?: string) =>
  ingestLines(Buffer.from(body), contentType, facts).map((record) => Buffer.from(record.body).toString())

describe('ingestLines', () => {
  it('takes one record a line, bytes untouched', () => {
    expect(texts('{"a":1}\r\n\n  x \n<34>last', 'application/x-ndjson')).toEqual(['{"a":1}', '  x ', '<34>last'])
    expect(ingestLines(Buffer.from([0xff, 0xfe, 10, 0]), 'text/plain', facts)[0]).toEqual({
      ...facts,
      transport: 'http',
      body: Buffer.from([0xff, 0xfe]),
    })
  })

  it('takes arrays, single objects and several objects as application/json', () => {
    expect(texts('[{"a":1},\n "<34>line\\n", 3]', 'application/json; charset=utf-8')).toEqual([
      '{"a":1}',
      '<34>line\n',
      '3',
    ])
    expect(texts('{\n "a": 1\n}', 'application/json')).toEqual(['{\n "a": 1\n}'])
    expect(texts('{"a":1}\n{"b":2}', 'application/json')).toEqual(['{"a":1}', '{"b":2}'])
    expect(texts('', 'application/json')).toEqual([])
  })

  it('refuses JSON that ends early and records above the bounds', () => {
    expect(() => texts('[{"a":1}', 'application/json')).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }))
    expect(() => texts('x'.repeat(ingestLimits.recordBytes + 1))).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE' }),
    )
    expect(() => texts('x\n'.repeat(ingestLimits.records + 1))).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }))
    expect(() => ingestLines(Buffer.from('x'), '', { ...facts, source: 'a\nb' })).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST' }),
    )
  })
})

describe('decodeBody', () => {
  it('undoes what clients send and refuses bombs, damage and the unknown', async () => {
    const body = Buffer.from('x'.repeat(10_000))
    expect(await decodeBody(gzipSync(body), 'GZIP')).toEqual(body)
    expect(await decodeBody(brotliCompressSync(body), 'br')).toEqual(body)
    expect(await decodeBody(body, undefined)).toBe(body)
    await expect(decodeBody(gzipSync(body), 'gzip', 9_999)).rejects.toMatchObject({ code: 'TOO_LARGE' })
    await expect(decodeBody(body, '', 9_999)).rejects.toMatchObject({ code: 'TOO_LARGE' })
    await expect(decodeBody(gzipSync(body).subarray(0, 20), 'gzip')).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    await expect(decodeBody(body, 'toString')).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  })
})

describe('readBulk', () => {
  const body = Buffer.from(
    [
      '{"create":{"_index":"filebeat-8"}}',
      '{"@timestamp":"2026-01-01T00:00:00Z","message":"one"}',
      '{"index":{"_index":"other","_id":"7"}}',
      '{"message":"two"}',
      '{"delete":{"_index":"other","_id":"7"}}',
      '{"update":{"_index":"other","_id":"7"}}',
      '{"doc":{"message":"three"}}',
      '{"index":',
      '{"message":"of the malformed action"}',
      '{"index":{}}',
      '{"message":"by default"}',
      '{"create":{"_index":"x"}}',
      'not json',
      '{"create":{"_index":"x"}}',
    ].join('\n'),
  )

  it('answers item by item and keeps the order', () => {
    const request = readBulk(body, 'fallback')
    expect(
      bulkRecords(request, { sender: 'beat', receivedAtMs: 5 }).map((record) => [
        record.source,
        Buffer.from(record.body).toString(),
      ]),
    ).toEqual([
      ['filebeat-8', '{"@timestamp":"2026-01-01T00:00:00Z","message":"one"}'],
      ['other', '{"message":"two"}'],
      ['fallback', '{"message":"by default"}'],
    ])
    const response = bulkResponse(request, 3.4, () => 'new')
    expect(response.errors).toBe(true)
    expect(
      response.items.map((item) => Object.entries(item).map(([verb, result]) => [verb, result.status, result._id])[0]),
    ).toEqual([
      ['create', 201, 'new'],
      ['index', 201, '7'],
      ['delete', 400, '7'],
      ['update', 400, '7'],
      ['index', 400, null],
      ['index', 201, 'new'],
      ['create', 400, null],
      ['create', 400, null],
    ])
  })

  it('makes a key only of documents that all carry an id', () => {
    const withIds = Buffer.from(
      '{"create":{"_index":"x","_id":"1"}}\n{"a":1}\n{"create":{"_index":"x","_id":"2"}}\n{"a":2}\n',
    )
    expect(bulkIdempotencyKey(readBulk(withIds))).toBe(bulkIdempotencyKey(readBulk(Buffer.from(withIds))))
    expect(bulkIdempotencyKey(readBulk(withIds))).toMatch(/^bulk:[0-9a-f]{64}$/)
    expect(bulkIdempotencyKey(readBulk(body, 'x'))).toBeUndefined()
  })

  it('refuses an empty request, and items without an index', () => {
    expect(() => readBulk(Buffer.from('\n'))).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }))
    expect(readBulk(Buffer.from('{"index":{}}\n{"a":1}\n')).items[0]).toMatchObject({ status: 400 })
  })
})
