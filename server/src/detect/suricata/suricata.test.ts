import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { type Inspected, SuricataEngine } from './engine.ts'
import { partsMatch, Text } from './match.ts'
import { parseSuricata } from './parse.ts'
import type { ContentPart, Part, SuricataRule } from './rule.ts'

const rule = (options: string, head = 'alert tcp any any -> any any') =>
  parseSuricata(`${head} (${options} sid:1;)`, 'x.rules')

function used(options: string, head?: string): SuricataRule {
  const { rules, refused } = rule(options, head)
  expect(refused).toEqual([])
  return rules[0]!
}

const matches = (options: string, bytes: string) =>
  partsMatch(used(options).parts, new Text(Buffer.from(bytes, 'latin1')))

describe('what is looked for in bytes', () => {
  it.each([
    ['content:"abc";', 'xxabcxx', true],
    ['content:"ABC";', 'xxabcxx', false],
    ['content:"ABC"; nocase;', 'xxabcxx', true],
    ['content:"|61 62|c";', 'abc', true],
    [String.raw`content:"a\;b\"c\\";`, 'a;b"c\\', true],
    ['content:!"abc";', 'xxabcxx', false],
    ['content:!"abc";', 'xxabxx', true],
    ['content:"abc"; offset:2;', 'xabc', false],
    ['content:"abc"; offset:1; depth:3;', 'xabc', true],
    ['content:"abc"; offset:1; depth:3;', 'xxabc', false],
    ['content:"abc"; startswith;', 'abcx', true],
    ['content:"abc"; startswith;', 'xabc', false],
    ['content:"abc"; endswith;', 'xabc', true],
    ['content:"abc"; endswith;', 'abcabcx', false],
    ['content:"a"; content:"b"; distance:1; within:1;', 'axb', true],
    ['content:"a"; content:"b"; distance:1; within:1;', 'ab', false],
    ['content:"a"; content:"b"; within:2;', 'axb', true],
    ['content:"a"; content:"b"; within:2;', 'axxb', false],
    // The first place of the first one does not do, a later one does.
    ['content:"a"; content:"b"; distance:0; within:1;', 'axxab', true],
    ['content:"b"; content:"a"; distance:-3;', 'axb', true],
    ['content:"a"; content:!"b"; distance:0; within:2;', 'axb', false],
    ['content:"a"; content:!"b"; distance:0; within:1;', 'axb', true],
    ['pcre:"/a+b/i";', 'xAAB', true],
    ['content:"a"; pcre:"/^b/R";', 'ab', true],
    ['content:"a"; pcre:"/^b/R";', 'axb', false],
    ['pcre:!"/ab/";', 'ab', false],
    ['content:"a"; isdataat:2,relative;', 'axyz', true],
    ['content:"a"; isdataat:2,relative;', 'axy', false],
    ['content:"a"; isdataat:!1,relative;', 'ax', true],
    ['bsize:3; content:"a";', 'abc', true],
    ['bsize:>3; content:"a";', 'abc', false],
  ])('%s in %j: %s', (options, bytes, wanted) => expect(matches(options, bytes)).toBe(wanted))

  test('the answer is that of trying all places of all contents', () => {
    const letters = fc.constantFrom('a', 'b', 'c')
    const word = fc.array(letters, { minLength: 1, maxLength: 2 }).map((list) => list.join(''))
    const small = fc.integer({ min: -3, max: 5 })
    const place = fc.oneof(
      fc.constant({}),
      fc.record({ offset: fc.nat(4) }),
      fc.record({ offset: fc.nat(3), depth: fc.integer({ min: 2, max: 6 }) }),
      fc.record({ distance: small }),
      fc.record({ within: fc.integer({ min: 2, max: 6 }) }),
      fc.record({ distance: small, within: fc.integer({ min: 2, max: 6 }) }),
      fc.constant({ isAtStart: true }),
      fc.constant({ isAtEnd: true }),
    )
    const part = fc.record({ word, place, isNegated: fc.boolean() }).map(
      ({ word: text, place: where, isNegated }): ContentPart => ({
        kind: 'content',
        buffer: 'payload',
        bytes: Buffer.from(text),
        isNegated,
        isCaseless: false,
        ...where,
      }),
    )
    const bytes = fc.array(letters, { maxLength: 12 }).map((list) => Buffer.from(list.join('')))
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), bytes, (parts, text) => {
        expect(partsMatch(parts, new Text(text))).toBe(judge(parts, text, 0))
      }),
      { numRuns: 20_000 },
    )
  })
})

/** Every place is tried for every content, and each condition asked by itself. */
function judge(parts: readonly ContentPart[], text: Buffer, previousEnd: number): boolean {
  const [part, ...rest] = parts
  if (!part) return true
  const size = part.bytes.length
  const base = previousEnd + (part.distance ?? 0)
  const isRelative = part.distance !== undefined || part.within !== undefined
  const places = Array.from({ length: Math.max(0, text.length - size + 1) }, (_, at) => at).filter(
    (at) =>
      text.subarray(at, at + size).equals(part.bytes) &&
      (!part.isAtStart || at === 0) &&
      (!part.isAtEnd || at + size === text.length) &&
      (!isRelative || at >= base) &&
      (part.within === undefined || at + size <= base + part.within) &&
      (part.offset === undefined || at >= part.offset) &&
      (part.depth === undefined || at + size <= (part.offset ?? 0) + part.depth),
  )
  if (part.isNegated) return places.length === 0 && judge(rest, text, previousEnd)
  return places.some((at) => judge(rest, text, at + size))
}

describe('what is refused is named with its line', () => {
  it.each([
    ['content:"a"; byte_test:1,>,2,0;', 'byte_test'],
    ['content:"a"; lua:x.lua;', 'lua'],
    ['pcre:"/a(?=b)/";', 'RE2'],
    ['pcre:"/a/K";', '`K`'],
    ['flow:gre_tunnel;', 'gre_tunnel'],
    ['content:"abc"; depth:2;', 'depth'],
    ['content:"a"; offset:var;', 'offset:var'],
    ['nocase;', 'nocase'],
    ['threshold:type backoff, track by_src, count 1, seconds 1;', 'backoff'],
    ['content:"|6|";', 'octets'],
  ])('%s', (options, word) => {
    const { rules, refused } = parseSuricata(`# first\n\nalert tcp any any -> any any (${options} sid:7;)\n`, 'x.rules')
    expect(rules).toEqual([])
    expect(refused).toMatchObject([{ file: 'x.rules', line: 3, sid: 7 }])
    expect(refused[0]!.message).toContain(word)
  })

  it.each([
    ['pass tcp any any -> any any (sid:1;)', 'pass'],
    ['alert sctp any any -> any any (sid:1;)', 'sctp'],
    ['alert tcp $NOWHERE any -> any any (sid:1;)', '$NOWHERE'],
    ['alert tcp any any -> any (sid:1;)', 'address and a port'],
    ['alert tcp any any -> any any (content:"a")', 'semicolon'],
    ['alert tcp any any -> any any (content:"a";)', 'no sid'],
    ['nonsense', 'no rule'],
  ])('%s', (text, word) => {
    const { rules, refused } = parseSuricata(text, 'x.rules')
    expect(rules).toEqual([])
    expect(refused[0]!.message).toContain(word)
  })

  test('no text makes the reader throw, and every rule is used or refused', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            'alert',
            ' tcp',
            ' any',
            ' ->',
            ' (',
            'content:"',
            'a',
            '|',
            '";',
            ' sid:1;',
            ')',
            '\\',
            '!',
            '[',
            ']',
            ',',
            '$HOME_NET',
            'pcre:"/',
            '/"',
            '\n',
          ),
        ),
        (words) => {
          const { rules, refused } = parseSuricata(words.join(''), 'x.rules')
          expect(rules.length + refused.length).toBeLessThanOrEqual(words.filter((word) => word === '\n').length + 1)
        },
      ),
    )
  })

  test('a rule over several lines, and one that stands twice', () => {
    const text =
      'alert tcp any any -> any any (msg:"one"; \\\n  content:"a"; sid:5;)\nalert tcp any any -> any any (content:"b"; sid:5;)'
    const { rules, refused } = parseSuricata(text, 'x.rules')
    expect(rules).toMatchObject([{ sid: 5, line: 1, title: 'one' }])
    expect(refused).toMatchObject([{ line: 3, message: expect.stringContaining('twice') }])
  })
})

describe('conversations', () => {
  const flow = {}
  const seen = (more: Partial<Inspected> = {}): Inspected => ({
    ...{
      kind: 'stream',
      timeMs: 0,
      flow,
      source: '10.0.0.5',
      destination: '203.0.113.9',
      sourcePort: 40_000,
      destinationPort: 80,
    },
    ...{ transport: 'tcp', protocol: 'http', direction: 'to_server', isEstablished: true },
    buffers: { payload: Buffer.from('abc') },
    ...more,
  })
  const sids = (text: string, ...pieces: Inspected[]) => {
    const { rules, refused } = parseSuricata(text, 'x.rules')
    expect(refused).toEqual([])
    const engine = new SuricataEngine(rules)
    return pieces.map((piece) => engine.inspect(piece).map(({ rule: { sid } }) => sid))
  }

  it.each([
    ['alert tcp $HOME_NET any -> $EXTERNAL_NET 80', [1]],
    ['alert tcp $EXTERNAL_NET any -> $HOME_NET any', []],
    ['alert tcp [10.0.0.0/8,!10.0.0.5] any -> any any', []],
    ['alert tcp any !1024: -> any any', []],
    ['alert tcp any any -> any [80,443]', [1]],
    ['alert tcp 203.0.113.9 80 <> any any', [1]],
    ['alert udp any any -> any any', []],
    ['alert http any any -> any any', [1]],
    ['alert tls any any -> any any', []],
    ['alert ip any any -> any any', [1]],
  ])('%s', (head, wanted) => {
    expect(sids(`${head} (content:"abc"; sid:1;)`, seen())).toEqual([wanted])
  })

  test('direction and establishment', () => {
    const text = (flowWords: string) => `alert tcp any any -> any any (flow:${flowWords}; content:"abc"; sid:1;)`
    expect(sids(text('established,to_server'), seen())).toEqual([[1]])
    expect(sids(text('established,to_server'), seen({ isEstablished: false }))).toEqual([[]])
    expect(sids(text('to_client'), seen())).toEqual([[]])
    expect(sids(text('not_established'), seen())).toEqual([[]])
  })

  test('flow bits tie what one side says to what the other says later, within one flow', () => {
    const text = [
      'alert tcp any any -> any any (flow:to_server; content:"abc"; flowbits:set,asked; flowbits:noalert; sid:1;)',
      'alert tcp any any -> any any (flow:to_client; content:"xyz"; flowbits:isset,asked; sid:2;)',
    ].join('\n')
    const answer = { direction: 'to_client', buffers: { payload: Buffer.from('xyz') } } as const
    expect(sids(text, seen(answer))).toEqual([[]])
    expect(sids(text, seen(), seen(answer))).toEqual([[], [2]])
    expect(sids(text, seen(), seen({ ...answer, flow: {} }))).toEqual([[], []])
  })

  it.each([
    ['threshold:type limit, track by_src, count 2, seconds 60;', [1, 1, 0, 0, 0, 0]],
    ['threshold:type threshold, track by_src, count 2, seconds 60;', [0, 1, 0, 1, 0, 1]],
    ['threshold:type both, track by_src, count 2, seconds 60;', [0, 1, 0, 0, 0, 0]],
    ['detection_filter:track by_dst, count 3, seconds 60;', [0, 0, 0, 1, 1, 1]],
    ['threshold:type limit, track by_src, count 1, seconds 2;', [1, 0, 1, 0, 1, 0]],
  ])('%s', (options, wanted) => {
    const pieces = wanted.map((_, second) => seen({ flow: {}, timeMs: second * 1_000 }))
    const found = sids(`alert tcp any any -> any any (content:"abc"; ${options} sid:1;)`, ...pieces)
    expect(found.map((list) => list.length)).toEqual(wanted)
  })

  test('packets have sizes, flags and types', () => {
    const packet = (more: Partial<Inspected>) => seen({ kind: 'packet', ...more })
    expect(
      sids('alert tcp any any -> any any (flags:S; sid:1;)', packet({ tcpFlags: 2 }), packet({ tcpFlags: 18 })),
    ).toEqual([[1], []])
    expect(sids('alert tcp any any -> any any (flags:+S; sid:1;)', packet({ tcpFlags: 18 }))).toEqual([[1]])
    expect(sids('alert tcp any any -> any any (dsize:3; sid:1;)', packet({}), packet({ buffers: {} }))).toEqual([
      [1],
      [],
    ])
    const ping = { transport: 'icmp', icmpType: 8, icmpCode: 0 } as const
    expect(
      sids('alert icmp any any -> any any (itype:8; sid:1;)', packet(ping), packet({ ...ping, icmpType: 0 })),
    ).toEqual([[1], []])
  })

  test('a message has all buffers a rule names, or it does not match', () => {
    const text =
      'alert http any any -> any any (http.method; content:"POST"; http.uri; content:"/a"; startswith; sid:1;)'
    const message = (buffers: Inspected['buffers']) => seen({ kind: 'message', buffers })
    const post = Buffer.from('POST')
    expect(sids(text, message({ 'http.method': post, 'http.uri': Buffer.from('/a/b') }))).toEqual([[1]])
    expect(sids(text, message({ 'http.method': post, 'http.uri': Buffer.from('/b/a') }))).toEqual([[]])
    expect(sids(text, message({ 'http.method': post }))).toEqual([[]])
  })
})

test('no rule takes endless time on bytes that were made for it', () => {
  const parts: Part[] = Array.from({ length: 12 }, () => ({
    kind: 'content',
    buffer: 'payload',
    bytes: Buffer.from('a'),
    isNegated: false,
    isCaseless: false,
    distance: 0,
  }))
  const end: Part = {
    kind: 'content',
    buffer: 'payload',
    bytes: Buffer.from('b'),
    isNegated: false,
    isCaseless: false,
    distance: 0,
  }
  expect(partsMatch([...parts, end], new Text(Buffer.alloc(5_000, 97)))).toBe(false)
})
