/** Makes packets and captures for tests, octet by octet. */

export interface PacketParts {
  source?: string
  destination?: string
  sourcePort?: number
  destinationPort?: number
  protocol?: 'tcp' | 'udp'
  sequence?: number
  acknowledgement?: number
  /** `S`, `A`, `F`, `R`, `P` in any order. */
  flags?: string
  payload?: string | Uint8Array
}

const flagBits: Record<string, number> = { F: 1, S: 2, R: 4, P: 8, A: 16 }

/** An Ethernet frame with an IPv4 packet. */
export function frame(parts: PacketParts): Buffer {
  const payload =
    typeof parts.payload === 'string' ? Buffer.from(parts.payload, 'latin1') : Buffer.from(parts.payload ?? [])
  const isTcp = (parts.protocol ?? 'tcp') === 'tcp'
  const transport = Buffer.alloc(isTcp ? 20 : 8)
  transport.writeUInt16BE(parts.sourcePort ?? 40_000, 0)
  transport.writeUInt16BE(parts.destinationPort ?? 80, 2)
  if (isTcp) {
    transport.writeUInt32BE(parts.sequence ?? 0, 4)
    transport.writeUInt32BE(parts.acknowledgement ?? 0, 8)
    transport[12] = 0x50
    transport[13] = [...(parts.flags ?? 'A')].reduce((bits, flag) => bits | flagBits[flag]!, 0)
  } else transport.writeUInt16BE(8 + payload.length, 4)
  return ethernet(0x0800, ipv4(parts, isTcp ? 6 : 17, Buffer.concat([transport, payload])))
}

export function ipv4(parts: PacketParts, protocol: number, body: Uint8Array, fragment = 0, id = 1): Buffer {
  const header = Buffer.alloc(20)
  header[0] = 0x45
  header.writeUInt16BE(20 + body.length, 2)
  header.writeUInt16BE(id, 4)
  header.writeUInt16BE(fragment, 6)
  header[8] = 64
  header[9] = protocol
  header.set((parts.source ?? '192.0.2.1').split('.').map(Number), 12)
  header.set((parts.destination ?? '198.51.100.1').split('.').map(Number), 16)
  return Buffer.concat([header, body])
}

export function ethernet(etherType: number, body: Uint8Array): Buffer {
  const header = Buffer.from('02000000000102000000000200', 'hex')
  return Buffer.concat([header.subarray(0, 12), Buffer.from([etherType >> 8, etherType & 255]), body])
}

export interface CaptureForm {
  isBigEndian?: boolean
  isNano?: boolean
  link?: number
}

/** A pcap file of frames, a millisecond apart from 2026-01-01. */
export function pcap(
  frames: readonly Uint8Array[],
  { isBigEndian = false, isNano = false, link = 1 }: CaptureForm = {},
): Buffer {
  const u32 = (value: number) => {
    const word = Buffer.alloc(4)
    if (isBigEndian) word.writeUInt32BE(value)
    else word.writeUInt32LE(value)
    return word
  }
  const versions = isBigEndian ? Buffer.from([0, 2, 0, 4]) : Buffer.from([2, 0, 4, 0])
  const head = [u32(isNano ? 0xa1b23c4d : 0xa1b2c3d4), versions, u32(0), u32(0), u32(262_144), u32(link)]
  const records = frames.flatMap((bytes, index) => [
    u32(1_767_225_600 + Math.floor(index / 1_000)),
    u32((index % 1_000) * (isNano ? 1e6 : 1e3)),
    u32(bytes.length),
    u32(bytes.length),
    bytes,
  ])
  return Buffer.concat([...head, ...records])
}

export function pcapng(
  frames: readonly Uint8Array[],
  { isBigEndian = false, isNano = false, link = 1 }: CaptureForm = {},
): Buffer {
  const u16 = (value: number) =>
    isBigEndian ? Buffer.from([value >> 8, value & 255]) : Buffer.from([value & 255, value >> 8])
  const u32 = (value: number) => {
    const word = Buffer.alloc(4)
    if (isBigEndian) word.writeUInt32BE(value)
    else word.writeUInt32LE(value)
    return word
  }
  const block = (type: number, ...parts: Uint8Array[]) => {
    const body = Buffer.concat(parts)
    const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)])
    const length = u32(12 + padded.length)
    return Buffer.concat([u32(type), length, padded, length])
  }
  const resolution = isNano ? [u16(9), u16(1), Buffer.from([9, 0, 0, 0]), u16(0), u16(0)] : []
  const blocks = [
    block(0x0a0d0d0a, u32(0x1a2b3c4d), u16(1), u16(0), u32(0xffffffff), u32(0xffffffff)),
    block(1, u16(link), u16(0), u32(262_144), ...resolution),
    ...frames.map((bytes, index) => {
      const ticks = BigInt(1_767_225_600_000 + index) * (isNano ? 1_000_000n : 1_000n)
      return block(
        6,
        u32(0),
        u32(Number(ticks >> 32n)),
        u32(Number(ticks & 0xffffffffn)),
        u32(bytes.length),
        u32(bytes.length),
        bytes,
      )
    }),
  ]
  return Buffer.concat(blocks)
}

/** A TCP conversation: handshake, then what each side says in turn (`>` begins what the client says), then both close. */
export function conversation(
  said: readonly [side: '>' | '<', payload: string | Uint8Array][],
  parts: PacketParts = {},
): Buffer[] {
  const { source = '192.0.2.1', destination = '198.51.100.1', sourcePort = 40_000, destinationPort = 80 } = parts
  const ends = {
    '>': { source, destination, sourcePort, destinationPort },
    '<': { source: destination, destination: source, sourcePort: destinationPort, destinationPort: sourcePort },
  }
  const next = { '>': 1_000, '<': 5_000 }
  const other = { '>': '<', '<': '>' } as const
  const frames = [
    frame({ ...ends['>'], sequence: next['>']++, flags: 'S' }),
    frame({ ...ends['<'], sequence: next['<']++, acknowledgement: next['>'], flags: 'SA' }),
    frame({ ...ends['>'], sequence: next['>'], acknowledgement: next['<'], flags: 'A' }),
  ]
  for (const [side, payload] of said) {
    frames.push(
      frame({ ...ends[side], sequence: next[side], acknowledgement: next[other[side]], flags: 'PA', payload }),
    )
    next[side] += payload.length
  }
  frames.push(frame({ ...ends['>'], sequence: next['>']++, acknowledgement: next['<'], flags: 'FA' }))
  frames.push(frame({ ...ends['<'], sequence: next['<']++, acknowledgement: next['>'], flags: 'FA' }))
  frames.push(frame({ ...ends['>'], sequence: next['>'], acknowledgement: next['<'], flags: 'A' }))
  return frames
}
