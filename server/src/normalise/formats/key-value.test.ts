import { describe, expect, it } from 'vitest'
import { readCef } from './cef.ts'
import { readPairs } from './key-value.ts'

describe('key=value', () => {
  it.each([
    ['a=1 b="two words" c=three', { a: '1', b: 'two words', c: 'three' }],
    ['name=to office policy=3', { name: 'to office', policy: '3' }],
    ['a="say \\"x\\"" b=2', { a: 'say "x"', b: '2' }],
    ['path="C:\\Temp\\" next=1', { path: 'C:\\Temp\\', next: '1' }],
    ['a=1;b=;c=x y', { a: '1', b: '', c: 'x y' }],
    ['url=http://h/?x=1&y=2 b=2', { url: 'http://h/?x=1&y=2', b: '2' }],
    ['a=“中文 值” b=”另一个”', { a: '中文 值', b: '另一个' }],
    ['A(1003)=1;B(1004)=2', { A: '1', B: '2' }],
    ['a=1 a=2 b=3', { a: ['1', '2'], b: '3' }],
    ['a=1, b=2, c=3', { a: '1', b: '2', c: '3' }],
  ])('%s', (text, expected) => expect({ ...readPairs(text) }).toEqual(expected))

  it('reads pairs with a colon, but not clock times', () => {
    expect({ ...readPairs('源IP:192.0.2.1, 时间:2026-03-02 09:51:02, 动作:拒绝', 'auto', ':') }).toEqual({
      源IP: '192.0.2.1',
      时间: '2026-03-02 09:51:02',
      动作: '拒绝',
    })
    expect({ ...readPairs('tag:x  at:2026-03-02 09:51:02', ' ', ':') }).toEqual({ tag: 'x', at: '2026-03-02 09:51:02' })
  })

  it('is undefined where there are no pairs', () => {
    for (const text of ['', 'plain words', 'only=one', '===', ';;;']) expect(readPairs(text), text).toBeUndefined()
  })
})

describe('CEF', () => {
  it('keeps equals signs, bars and blanks inside values', () => {
    const event = readCef('CEF:0|v\\|w|p|1|id|the name|5|msg=a b \\= c request=http://h/?a\\=1 cs1Label=x y cs1=z\\nq')
    expect(event).toMatchObject({ vendor: 'v|w', code: 'id', severity: '5' })
    expect({ ...event!.extensions }).toEqual({ msg: 'a b = c', request: 'http://h/?a=1', cs1Label: 'x y', cs1: 'z\nq' })
  })

  it('is undefined for a cut header', () => expect(readCef('CEF:0|v|p|1|id')).toBeUndefined())
})
