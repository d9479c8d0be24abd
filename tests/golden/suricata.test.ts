import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SuricataEngine } from '../../server/src/detect/suricata/engine.ts'
import { parseSuricata } from '../../server/src/detect/suricata/parse.ts'
import { captureRecords } from '../../server/src/traffic/read-capture.ts'
import { lookUp } from '../../tools/captures/protocols/dns.ts'
import { http } from '../../tools/captures/protocols/text.ts'
import { tls } from '../../tools/captures/protocols/tls.ts'
import { Wire } from '../../tools/captures/wire.ts'

const ends = { from: '10.20.1.7', to: '198.51.100.9' }

/** Numbers of the rules that alert on a capture, in order. */
async function alerts(text: string, write: (wire: Wire) => void): Promise<number[]> {
  const { rules, refused } = parseSuricata(text, 'x.rules')
  expect(refused).toEqual([])
  const engine = new SuricataEngine(rules)
  const found: number[] = []
  const wire = new Wire()
  write(wire)
  async function* bytes() {
    yield wire.bytes()
  }
  const inspect = (piece: Parameters<SuricataEngine['inspect']>[0]) =>
    found.push(...engine.inspect(piece).map(({ rule }) => rule.sid))
  for await (const _ of captureRecords(bytes(), () => {}, undefined, undefined, inspect));
  return found.sort()
}

const rule = (options: string, protocol = 'http') => `alert ${protocol} any any -> any any (${options} sid:1;)`

describe('rules of Suricata on packets', () => {
  test.each([
    ['http.method; content:"POST"; http.uri; content:"/a b"; startswith;', [1]],
    ['http.uri.raw; content:"/a%20b";', [1]],
    ['http.uri; content:"/a%20b";', []],
    ['http.host; content:"portal.gov.example"; bsize:18;', [1]],
    ['http.user_agent; content:"evil/1"; nocase;', [1]],
    ['http.header; content:"X-Mark: yes|0d 0a|";', [1]],
    ['http.header; content:"Cookie";', []],
    ['http.cookie; content:"id=7";', [1]],
    ['http.request_body; content:"secret";', [1]],
    ['flow:to_server; file.data; content:"secret";', [1]],
    ['flow:to_client; http.stat_code; content:"500";', [1]],
    ['flow:to_client; file.data; content:"unpacked text";', [1]],
    ['content:"secret"; http_client_body;', [1]],
    ['pcre:"/sec.et/P";', [1]],
    ['flow:established,to_server; content:"POST /a%20b"; startswith;', [1]],
    ['urilen:>100;', []],
  ] as const)('%s', async (options, wanted) => {
    const found = await alerts(rule(options), (wire) =>
      http(wire, {
        ...{
          ...ends,
          method: 'POST',
          target: '/a%20b?q=1',
          agent: 'Evil/1.0',
          body: 'a secret here',
          status: '500 No',
        },
        headers: { 'X-Mark': 'yes', Cookie: 'id=7' },
        answerHeaders: { 'Content-Encoding': 'gzip' },
        answer: gzipSync('some unpacked text'),
      }),
    )
    expect(found).toEqual(wanted)
  })

  test('content that two segments hold together is found once', async () => {
    const found = await alerts('alert tcp any any -> any 9000 (content:"first second"; sid:1;)', (wire) => {
      wire
        .tcp({ ...ends, port: 9_000 })
        .send('first ')
        .send('second')
        .receive('ok')
        .send('first second')
        .close()
    })
    expect(found).toEqual([1])
  })

  test('names of DNS and TLS, and datagrams', async () => {
    const text = [
      'alert dns any any -> any any (dns.query; content:".bad.example"; endswith; sid:1;)',
      'alert tls any any -> any any (tls.sni; content:"c2.example"; sid:2;)',
      'alert tls any any -> any any (ja3.hash; content:"00000000000000000000000000000000"; sid:3;)',
      'alert udp any any -> any 53 (content:"|03|bad|07|example"; sid:4;)',
      'alert tcp any any -> any 443 (flags:S; sid:5;)',
    ].join('\n')
    const found = await alerts(text, (wire) => {
      lookUp(wire, { from: ends.from, server: '10.20.0.2', name: 'www.bad.example' })
      tls(wire.tcp({ ...ends, port: 443 }), { serverName: 'c2.example' }).close()
    })
    expect(found).toEqual([1, 2, 4, 5])
  })

  test('damaged bytes end in records, never in an error', async () => {
    const wire = new Wire()
    http(wire, {
      ...{ ...ends, method: 'POST', target: '/a', body: 'a secret here', answer: gzipSync('some unpacked text') },
      answerHeaders: { 'Content-Encoding': 'gzip', 'Transfer-Encoding': 'chunked' },
    })
    lookUp(wire, { from: ends.from, server: '10.20.0.2', name: 'www.bad.example' })
    tls(wire.tcp({ ...ends, port: 443 }), { serverName: 'c2.example' }).close()
    const whole = wire.bytes()
    const text = [rule('file.data; content:"a";'), 'alert tcp any any -> any any (pcre:"/a.*b/s"; sid:2;)'].join('\n')
    const engine = new SuricataEngine(parseSuricata(text, 'x.rules').rules)
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(whole.length), fc.nat(255)), { maxLength: 12 }),
        fc.nat(400),
        async (changes, cut) => {
          const damaged = Buffer.from(whole.subarray(0, whole.length - cut))
          // Behind the head of the file, so that it stays a capture.
          for (const [at, value] of changes) damaged[24 + (at % (damaged.length - 24))] = value
          async function* bytes() {
            yield damaged
          }
          const failures: unknown[] = []
          for await (const _ of captureRecords(
            bytes(),
            () => {},
            (error) => failures.push(error),
            undefined,
            (piece) => void engine.inspect(piece),
          ));
          expect(failures).toEqual([])
        },
      ),
      { numRuns: 300 },
    )
  })
})
