import type { Wire } from '../wire.ts'

const types = { A: 1, NS: 2, CNAME: 5, NULL: 10, MX: 15, TXT: 16, AAAA: 28 } as const
export type RecordType = keyof typeof types

export interface LookUp {
  from: string
  server: string
  name: string
  type?: RecordType
  /** Data of the answer; an address unless given. No answer when null. */
  answer?: Uint8Array | null
}

/** A question and its answer over UDP (RFC 1035). */
export function lookUp(
  wire: Wire,
  { from, server, name, type = 'A', answer = Buffer.from([198, 51, 100, 7]) }: LookUp,
): void {
  const ports: [number, number] = [wire.clientPort(), 53]
  const question = Buffer.concat([labels(name), Buffer.from([0, types[type], 0, 1])])
  const id = Math.imul(ports[0], 40_503) & 0xffff
  const head = (flags: number, answers: number) =>
    Buffer.from([id >> 8, id & 255, flags >> 8, flags & 255, 0, 1, 0, answers, 0, 0, 0, 0])
  wire.udp(from, server, ports, Buffer.concat([head(0x0100, 0), question]))
  if (answer === null) return
  wire.wait(8)
  const data = Buffer.concat([
    Buffer.from([0xc0, 12, 0, types[type], 0, 1, 0, 0, 0, 60, answer.length >> 8, answer.length & 255]),
    answer,
  ])
  wire.udp(server, from, [53, ports[0]], Buffer.concat([head(0x8180, 1), question, data]))
}

function labels(name: string): Buffer {
  return Buffer.concat([
    ...name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.from([0]),
  ])
}
