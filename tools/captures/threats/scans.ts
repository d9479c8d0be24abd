import { http } from '../protocols/text.ts'
import { type Captures, counted, type Doing, single } from '../scenario.ts'
import { tcpFlags, type Wire } from '../wire.ts'

const minuteMs = 60_000
const { fin, syn, rst, push, ack, urgent } = tcpFlags

/** A probe of a closed port: answered by RST, as RFC 9293 asks. */
function probe(flags: number): Doing {
  return (wire, { from, to, value }) => {
    const ports: [number, number] = [wire.clientPort(), 100 + value]
    wire.segment(from, to, ports, flags, { sequence: 1_000, window: 1_024 })
    wire.segment(to, from, [ports[1], ports[0]], rst | ack, { acknowledgement: 1_001 })
  }
}

/** A whole connection. */
const visit: Doing = (wire, { from, to, value }) => http(wire, { from, to, port: 100 + value })

const udpProbe: Doing = (wire, { from, to, value }) =>
  wire.udp(from, to, [wire.clientPort(), 100 + value], Buffer.alloc(8))

function ping(wire: Wire, from: string, to: string): void {
  const data = Buffer.from('abcdefghijklmnopqrstuvwabcdefghi')
  wire.echo(from, to, 'request', 1, 1, data)
  wire.echo(to, from, 'reply', 1, 1, data)
}

/** Nineteen ports and one at the edge of those a traceroute uses: 64 hops, three probes each. */
function besideEdges(wire: Wire, edges: number[]): void {
  for (const edge of edges) {
    for (let index = 0; index < 20; index++)
      wire.udp('10.20.9.66', '10.20.3.15', [wire.clientPort(), index < 19 ? 200 + index : edge], Buffer.alloc(8))
    wire.scenario()
  }
}

export const scans: Record<string, Captures> = {
  'scan-without-handshake': counted({
    count: 10,
    timespanMs: 5 * minuteMs,
    acts: [probe(0), probe(fin), probe(fin | push | urgent), probe(fin | ack)],
    harmless: [probe(syn), visit],
    groups: ['source', 'destination'],
    isOfValues: true,
  }),
  'scan-slow': counted({
    count: 20,
    timespanMs: 360 * minuteMs,
    acts: [
      probe(syn),
      (wire, { from, to, value }) => wire.segment(from, to, [wire.clientPort(), 100 + value], syn, {}),
      (wire, { from, to, value }) => {
        const ports: [number, number] = [wire.clientPort(), 100 + value]
        wire.segment(from, to, ports, syn, { sequence: 5 })
        wire.segment(from, to, ports, rst, { sequence: 6 })
      },
    ],
    harmless: [visit, udpProbe],
    groups: ['source', 'destination'],
    isOfValues: true,
  }),
  'scan-of-udp-ports': counted({
    count: 20,
    timespanMs: 5 * minuteMs,
    acts: [udpProbe],
    harmless: [
      // A traceroute counts its ports up from 33434.
      (wire, { from, to, value }) => wire.udp(from, to, [wire.clientPort(), 33_434 + value], Buffer.alloc(32)),
      (wire, { from, to, value }) => {
        const ports: [number, number] = [wire.clientPort(), 100 + value]
        wire.udp(from, to, ports, Buffer.alloc(8))
        wire.udp(to, from, [ports[1], ports[0]], Buffer.alloc(8))
      },
      (wire, { from, to, value }) => wire.segment(from, to, [wire.clientPort(), 100 + value], syn, {}),
    ],
    groups: ['source', 'destination'],
    isOfValues: true,
    moreFires: (wire) => besideEdges(wire, [33_433, 33_626]),
    more: (wire) => besideEdges(wire, [33_434, 33_625]),
  }),
  'ping-sweep': counted({
    count: 20,
    timespanMs: minuteMs,
    acts: [(wire, { from, value }) => ping(wire, from, `10.20.5.${1 + value}`)],
    harmless: [
      (wire, { from, value }) => wire.icmp(from, `10.20.5.${1 + value}`, 13, 0, Buffer.alloc(16)),
      (wire, { from, value }) => wire.udp(from, `10.20.5.${1 + value}`, [wire.clientPort(), 161], Buffer.alloc(8)),
    ],
    groups: ['source'],
    isOfValues: true,
  }),
  'nmap-service-probe': single(
    (wire) => {
      http(wire, {
        from: '10.20.9.66',
        to: '10.20.3.15',
        target: '/nice%20ports%2C/Tri%6Eity.txt%2ebak',
        status: '404 Not Found',
      })
      http(wire, {
        from: '10.20.9.66',
        to: '10.20.3.15',
        method: 'OPTIONS',
        agent: 'Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)',
      })
    },
    (wire) => {
      http(wire, { from: '10.20.1.7', to: '10.20.3.15', target: '/ports/nice/Trinity.txt' })
      http(wire, {
        from: '10.20.1.7',
        to: '10.20.3.15',
        target: '/download?f=nmap',
        agent: 'Mozilla/5.0 (compatible; monitoring)',
      })
    },
  ),
}
