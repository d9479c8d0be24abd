import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FramePart, SyslogFramer } from './framing.ts'

interface Framed {
  text: string
  part: FramePart
}

function frame(chunks: (string | Buffer)[], limitBytes = 1024) {
  const messages: Framed[] = []
  const counters = { cutMessages: 0, halfMessages: 0 }
  const framer = new SyslogFramer(
    limitBytes,
    (bytes, part) => messages.push({ text: bytes.toString('latin1'), part }),
    counters,
  )
  for (const chunk of chunks) framer.push(Buffer.from(chunk))
  framer.end()
  return { messages, counters, texts: messages.map((message) => message.text) }
}

describe('SyslogFramer', () => {
  it('finds the framing of each message by itself', () => {
    const { texts, counters } = frame(['<34>one\n11 <34>two\nmore<13>three\r\n7 <1>four\n\n<2>five\0<3>six\n'])
    expect(texts).toEqual(['<34>one', '<34>two\nmor', 'e<13>three', '<1>four', '<2>five', '<3>six'])
    expect(counters).toEqual({ cutMessages: 0, halfMessages: 0 })
  })

  it('keeps inner newlines and leading digits of octet-counted messages', () => {
    const body = '<13>1 - - - - - - stack\n at line 1\n12 <34>inner'
    expect(frame([`${body.length} ${body}`, '<1>next\n']).texts).toEqual([body, '<1>next'])
  })

  it('joins lines that start with white space to the line before', () => {
    const { texts } = frame(['<1>error\n\tat a\n  at b\r\n<2>next\n'])
    expect(texts).toEqual(['<1>error\n\tat a\n  at b', '<2>next'])
  })

  it('takes digits that are no octet count as the beginning of a line', () => {
    const lines = ['2024-01-01 started', '12 monkeys', '7', '123456789012 <1>x', '0 <1>zero', '99999999 <1>too many']
    expect(frame([`${lines.join('\n')}\n`]).texts).toEqual(lines)
  })

  it('hands a complete line on when asked, once', () => {
    const texts: string[] = []
    const framer = new SyslogFramer(64, (bytes) => texts.push(bytes.toString()), { cutMessages: 0, halfMessages: 0 })
    framer.push(Buffer.from('<1>waits\n'))
    expect([texts.length, framer.waits]).toEqual([0, true])
    framer.flush()
    framer.flush()
    framer.push(Buffer.from(' late\n<2>b\n'))
    framer.end()
    expect(texts).toEqual(['<1>waits', ' late', '<2>b'])
  })

  it('keeps half a message at the end of the connection, and counts it', () => {
    expect(frame(['<1>cut off']).texts).toEqual(['<1>cut off'])
    expect(frame(['<1>cut off']).counters.halfMessages).toBe(1)
    expect(frame(['100 <1>less']).messages).toEqual([{ text: '<1>less', part: 'whole' }])
    expect(frame(['100 <1>less']).counters.halfMessages).toBe(1)
    expect(frame(['12']).texts).toEqual(['12'])
  })

  it('keeps a message above the bound in parts', () => {
    const long = 'x'.repeat(25)
    for (const stream of [`${long}\n`, `${long.length} ${long}`.replace(' x', ' <')]) {
      const { messages, counters } = frame([stream, '<1>after\n'], 10)
      expect(messages.map((message) => [message.text.length, message.part])).toEqual([
        [10, 'first'],
        [10, 'continued'],
        [5, 'continued'],
        [8, 'whole'],
      ])
      expect(counters.cutMessages).toBe(1)
    }
  })

  it('gives the same messages however the bytes are cut', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '<34>line\n',
        '<34>line\r\n',
        '<1>x\0',
        ' continued\n',
        '\t\n',
        '\n',
        '12 <34>abc\ndefg',
        '5 <1>ab',
        '9 x',
        '77',
        '\0\0',
      ),
      fc.string({ maxLength: 12 }),
    )
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 20 }),
        fc.array(fc.nat(40), { maxLength: 30 }),
        fc.integer({ min: 8, max: 40 }),
        (pieces, cuts, limit) => {
          const stream = Buffer.from(pieces.join(''), 'latin1')
          const chunks: Buffer[] = []
          let position = 0
          for (const cut of cuts) {
            chunks.push(stream.subarray(position, position + cut))
            position = Math.min(stream.length, position + cut)
          }
          chunks.push(stream.subarray(position))
          expect(frame(chunks, limit).messages).toEqual(frame([stream], limit).messages)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})
