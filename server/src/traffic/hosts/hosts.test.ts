import { expect, test } from 'vitest'
import { conversation, ethernet, frame, pcap } from '../captures-for-tests.ts'
import { recordEvent } from '../event.ts'
import { captureRecords } from '../read-capture.ts'
import { type HostFact, hostFacts } from './facts.ts'

async function factsOf(frames: Uint8Array[], more: Record<string, string> = {}): Promise<string[]> {
  async function* bytes() {
    yield pcap(frames)
  }
  const facts: HostFact[] = []
  for await (const record of captureRecords(bytes(), () => undefined)) {
    const event = recordEvent(record, 'event')
    Object.assign(event.fields, more)
    facts.push(...hostFacts(event))
  }
  return facts.map(({ address, kind, value, origin }) => `${address} ${kind} ${value} (${origin})`)
}

const inside = { source: '192.168.1.7', destination: '192.168.1.9' }

test('a conversation tells link addresses, the service, the software of both sides and the system of the client', async () => {
  const frames = conversation(
    [
      ['>', 'GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; Win64)\r\n\r\n'],
      ['<', 'HTTP/1.1 200 OK\r\nServer: nginx/1.24.0\r\nContent-Length: 0\r\n\r\n'],
    ],
    inside,
  )
  expect(await factsOf(frames)).toEqual(
    expect.arrayContaining([
      '192.168.1.7 mac 02-00-00-00-00-02 (frame)',
      '192.168.1.7 syn 64:0: (tcp.syn)',
      '192.168.1.7 user_agent Mozilla/5.0 (Windows NT 10.0; Win64) (http)',
      '192.168.1.7 os windows (http.user_agent)',
      '192.168.1.9 software nginx/1.24.0 (http.server)',
      '192.168.1.9 service tcp/80 http (flow)',
    ]),
  )
})

test('hosts outside are nobody’s facts, save the addresses that are known to be ours', async () => {
  const frames = conversation([
    ['>', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['<', 'HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n'],
  ])
  expect(await factsOf(frames)).toEqual([])
  expect(await factsOf(frames, { 'network.direction': 'inbound' })).toEqual([
    '198.51.100.1 software nginx (http.server)',
    '198.51.100.1 service tcp/80 http (flow)',
  ])
})

test('ARP and DHCP tell whose address it is', async () => {
  const arp = Buffer.from('0001080006040002', 'hex')
  const sender = Buffer.from('00000c010203c0a80105', 'hex')
  const target = Buffer.from('000000000000c0a80101', 'hex')
  const bootp = Buffer.alloc(240)
  bootp[0] = 2
  bootp[1] = 1
  bootp[2] = 6
  bootp.set([192, 168, 1, 20], 16)
  bootp.set([0x00, 0x00, 0x0c, 9, 9, 9], 28)
  bootp.writeUInt32BE(0x63825363, 236)
  const options = [53, 1, 5, 12, 4, ...Buffer.from('pc20'), 60, 8, ...Buffer.from('MSFT 5.0'), 255]
  const payload = Buffer.concat([bootp, Buffer.from(options), Buffer.alloc(40)])
  const dhcp = frame({
    ...{ protocol: 'udp', source: '192.168.1.1', destination: '192.168.1.20' },
    ...{ sourcePort: 67, destinationPort: 68, payload },
  })
  const facts = await factsOf([ethernet(0x0806, Buffer.concat([arp, sender, target])), dhcp])
  expect(facts).toEqual(
    expect.arrayContaining([
      '192.168.1.5 mac 00-00-0C-01-02-03 (arp)',
      '192.168.1.20 mac 00-00-0C-09-09-09 (dhcp)',
      '192.168.1.20 name pc20 (dhcp)',
      '192.168.1.20 os windows (dhcp)',
    ]),
  )
})

test('a router’s link address is not told of the hosts behind it, and nothing is told twice', async () => {
  const frames = Array.from({ length: 40 }, (_, index) =>
    frame({ ...inside, source: `10.0.0.${1 + (index % 20)}`, sourcePort: 1_000 + index, flags: 'S' }),
  )
  const macs = (await factsOf(frames)).filter((fact) => fact.includes(' mac '))
  expect(macs).toHaveLength(4)
})
