import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JsonSplitter } from './json-splitter.ts'

function split(chunks: (string | Buffer)[], limitBytes = 10_000) {
  const pieces: [string, string][] = []
  const splitter = new JsonSplitter(limitBytes, (bytes, piece) => pieces.push([piece, bytes.toString()]))
  for (const chunk of chunks) splitter.push(Buffer.from(chunk))
  const complete = splitter.end()
  return { pieces, complete }
}

describe('JsonSplitter', () => {
  it('cuts an array into its elements, bytes untouched', () => {
    const { pieces, complete } = split(['[ {"a": "}]\\""} ,[1,[2]], "x,\\"y", 12.50,null ]\n'])
    expect(pieces.map(([, text]) => text)).toEqual(['{"a": "}]\\""}', '[1,[2]]', '"x,\\"y"', '12.50', 'null'])
    expect(complete).toBe(true)
  })

  it('cuts pretty-printed documents with lines of text between them', () => {
    expect(split(['Record 1\r\n{\n "a": 1\n}\nRecord 2\n{"b":{}}{"c":2}']).pieces).toEqual([
      ['text', 'Record 1'],
      ['value', '{\n "a": 1\n}'],
      ['text', 'Record 2'],
      ['value', '{"b":{}}'],
      ['value', '{"c":2}'],
    ])
  })

  it('says when the stream ends inside a value, and keeps the rest', () => {
    expect(split(['{"a":1}{"b":'])).toEqual({
      pieces: [
        ['value', '{"a":1}'],
        ['text', '{"b":'],
      ],
      complete: false,
    })
    expect(split(['[{"a":1},']).complete).toBe(false)
    expect(split(['']).complete).toBe(true)
  })

  it('bounds the bytes of one value', () => {
    expect(() => split([`{"a":"${'x'.repeat(60)}`, 'x'.repeat(60)], 100)).toThrow(RangeError)
  })

  it('gives the same values however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.object({ maxDepth: 2 }), { maxLength: 6 }),
        fc.boolean(),
        fc.array(fc.nat(30)),
        (objects, asArray, cuts) => {
          const texts = objects.map((object) => JSON.stringify(object, null, asArray ? 0 : 1))
          const stream = Buffer.from(asArray ? `[${texts.join(' , ')}]` : texts.join('\n'))
          const chunks: Buffer[] = []
          let position = 0
          for (const cut of cuts) {
            chunks.push(stream.subarray(position, position + cut))
            position += cut
          }
          chunks.push(stream.subarray(position))
          expect(split(chunks, 1_000_000)).toEqual({ pieces: texts.map((text) => ['value', text]), complete: true })
        },
      ),
    )
  })
})
