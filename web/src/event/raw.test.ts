import { describe, expect, it } from 'vitest'
import { cut, decodeBase64, findBytes, findText, hexRows, needlesOf } from './raw.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)

describe('raw bytes', () => {
  it('decodes base64 to the same bytes', () => {
    const bytes = new Uint8Array([0, 255, 10, 200])
    expect(decodeBase64(Buffer.from(bytes).toString('base64'))).toEqual(bytes)
    expect(decodeBase64('')).toEqual(new Uint8Array())
  })

  it('finds values in either case, joins overlaps, and never runs past the end', () => {
    expect(findBytes(bytesOf('Failed PASSWORD for root'), ['password', 'word for'])).toEqual([[7, 19]])
    expect(findBytes(bytesOf('aaaa'), ['aa'])).toEqual([[0, 4]])
    expect(findBytes(bytesOf('ab'), ['abc', ''])).toEqual([])
    expect(findText('用户ROOT登录', ['root', '登录'])).toEqual([[2, 8]])
    expect(findText('İROOT', ['ROOT'])).toEqual([[1, 5]])
  })

  it('cuts without losing a character', () => {
    const text = 'Failed password for root from 10.0.0.1'
    const pieces = cut(text, findText(text, ['root', '10.0.0.1']))
    expect(pieces.map((piece) => piece.text).join('')).toBe(text)
    expect(pieces.filter(({ marked }) => marked).map((piece) => piece.text)).toEqual(['root', '10.0.0.1'])
  })

  it('lays out sixteen bytes a row with the matched ones marked', () => {
    const bytes = bytesOf('0123456789abcdefXYZ')
    const rows = hexRows(bytes, findBytes(bytes, ['fXY']))
    expect(rows.map(({ offset }) => offset)).toEqual(['00000000', '00000010'])
    expect(rows[0]!.hex.at(-1)).toEqual({ text: '66 ', marked: true })
    expect(rows[1]!.text).toEqual([
      { text: 'XY', marked: true },
      { text: 'Z', marked: false },
    ])
    const width = (row: (typeof rows)[number]) => row.hex.reduce((sum, { text }) => sum + text.length, 0)
    expect(width(rows[0]!)).toBe(width(rows[1]!))
  })

  it('takes wildcards off matched values', () => {
    expect(needlesOf([{ value: '*cmd.exe*' }, { value: '' }, { value: '*' }, { value: 'a' }])).toEqual(['cmd.exe', 'a'])
  })
})
