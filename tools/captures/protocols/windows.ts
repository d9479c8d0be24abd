import type { TcpTalk, Wire } from '../wire.ts'

const u16 = (value: number) => {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value >>> 0)
  return bytes
}
const wide = (text: string) => Buffer.from(text, 'utf16le')

const status = { success: 0, moreProcessing: 0xc0000016, logonFailure: 0xc000006d } as const
const command = { negotiate: 0, sessionSetup: 1, treeConnect: 3, create: 5, close: 6, write: 9, ioctl: 11 } as const

export interface Account {
  user: string
  domain?: string
  workstation?: string
}

/** An SMB 3.0 session in the clear (MS-SMB2 section 2.2): sign-in by NTLM, shares, files and pipes. */
export class SmbTalk {
  readonly talk: TcpTalk
  private messageId = 0
  private fileId = 0

  constructor(wire: Wire, from: string, to: string) {
    this.talk = wire.tcp({ from, to, port: 445 })
  }

  /** Negotiates and signs in; answers the talk, signed in or refused. */
  signIn(account: Account, isRight = true): this {
    this.exchange(
      command.negotiate,
      Buffer.concat([u16(36), u16(1), u16(1), u16(0), u32(0), Buffer.alloc(16, 7), Buffer.alloc(8), u16(0x300)]),
      Buffer.concat([
        u16(65),
        u16(1),
        u16(0x300),
        u16(0),
        Buffer.alloc(16, 8),
        Buffer.alloc(40),
        u16(128),
        u16(0),
        u32(0),
      ]),
    )
    this.exchange(
      command.sessionSetup,
      sessionRequest(ntlmNegotiate()),
      sessionAnswer(ntlmChallenge()),
      status.moreProcessing,
    )
    this.exchange(
      command.sessionSetup,
      sessionRequest(ntlmAuthenticate(account)),
      sessionAnswer(Buffer.alloc(0)),
      isRight ? status.success : status.logonFailure,
    )
    return this
  }

  tree(path: string, isPipe = false): this {
    const name = wide(path)
    this.exchange(
      command.treeConnect,
      Buffer.concat([u16(9), u16(0), u16(72), u16(name.length), name]),
      Buffer.concat([u16(16), Buffer.from([isPipe ? 2 : 1, 0]), u32(0), u32(0), u32(0x1f01ff)]),
    )
    return this
  }

  open(path: string): this {
    const name = wide(path)
    this.fileId++
    const fixed = Buffer.alloc(56)
    fixed.writeUInt16LE(57, 0)
    fixed.writeUInt32LE(0x0012019f, 24)
    fixed.writeUInt16LE(120, 44)
    fixed.writeUInt16LE(name.length, 46)
    const answer = Buffer.alloc(88)
    answer.writeUInt16LE(89, 0)
    this.id().copy(answer, 64)
    this.exchange(command.create, Buffer.concat([fixed, name]), answer)
    return this
  }

  write(content: Uint8Array): this {
    const fixed = Buffer.alloc(48)
    fixed.writeUInt16LE(49, 0)
    fixed.writeUInt16LE(112, 2)
    fixed.writeUInt32LE(content.length, 4)
    this.id().copy(fixed, 16)
    this.exchange(
      command.write,
      Buffer.concat([fixed, content]),
      Buffer.concat([u16(17), u16(0), u32(content.length), Buffer.alloc(8)]),
    )
    return this
  }

  /** A call over the pipe that is open: bound first. */
  call(interfaceId: string, operation: number, stub: Uint8Array = Buffer.alloc(48, 0x11)): this {
    this.transceive(rpcBind(interfaceId), rpcBindAnswer())
    return this.transceive(rpcRequest(operation, stub), rpcAnswer())
  }

  close(): this {
    const fixed = Buffer.alloc(24)
    fixed.writeUInt16LE(24, 0)
    this.id().copy(fixed, 8)
    this.exchange(command.close, fixed, Buffer.concat([u16(60), Buffer.alloc(58)]))
    return this
  }

  end(): void {
    this.talk.close()
  }

  private transceive(request: Uint8Array, answer: Uint8Array): this {
    const head = (offset: number, inputBytes: number, outputBytes: number) => {
      const fixed = Buffer.alloc(offset - 64)
      fixed.writeUInt16LE(offset === 120 ? 57 : 49, 0)
      fixed.writeUInt32LE(0x0011c017, 4)
      this.id().copy(fixed, 8)
      fixed.writeUInt32LE(offset, 24)
      fixed.writeUInt32LE(inputBytes, 28)
      return { fixed, outputBytes }
    }
    const asked = head(120, request.length, 0).fixed
    const told = head(112, 0, answer.length).fixed
    told.writeUInt32LE(112, 32)
    told.writeUInt32LE(answer.length, 36)
    this.exchange(command.ioctl, Buffer.concat([asked, request]), Buffer.concat([told, answer]))
    return this
  }

  private id(): Buffer {
    return Buffer.alloc(16, this.fileId)
  }

  private exchange(kind: number, request: Uint8Array, answer: Uint8Array, answerStatus: number = status.success): void {
    const id = this.messageId++
    this.talk.send(frame(kind, id, 0, 0, request)).wait(2)
    this.talk.receive(frame(kind, id, 1, answerStatus, answer))
  }
}

function frame(kind: number, id: number, flags: number, code: number, body: Uint8Array): Buffer {
  const header = Buffer.alloc(64)
  header.write('\xfeSMB', 0, 'latin1')
  header.writeUInt16LE(64, 4)
  header.writeUInt32LE(code >>> 0, 8)
  header.writeUInt16LE(kind, 12)
  header.writeUInt32LE(flags, 16)
  header.writeUInt32LE(id, 24)
  header.writeUInt32LE(kind > command.sessionSetup ? 1 : 0, 36)
  header.writeUInt32LE(0x4001, 40)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(header.length + body.length)
  return Buffer.concat([length, header, body])
}

function sessionRequest(blob: Uint8Array): Buffer {
  return Buffer.concat([u16(25), Buffer.from([0, 1]), u32(1), u32(0), u16(88), u16(blob.length), Buffer.alloc(8), blob])
}

function sessionAnswer(blob: Uint8Array): Buffer {
  return Buffer.concat([u16(9), u16(0), u16(72), u16(blob.length), blob])
}

/** MS-NLMP section 2.2.1. */
function ntlmNegotiate(): Buffer {
  return Buffer.concat([Buffer.from('NTLMSSP\0'), u32(1), u32(0xa2088207), Buffer.alloc(16)])
}

function ntlmChallenge(): Buffer {
  const pair = (id: number, text: string) => Buffer.concat([u16(id), u16(2 * text.length), wide(text)])
  const target = wide('GOV')
  const names = Buffer.concat([pair(2, 'GOV'), pair(1, 'FILES01'), Buffer.alloc(4)])
  return Buffer.concat([
    ...[Buffer.from('NTLMSSP\0'), u32(2), u16(target.length), u16(target.length), u32(56), u32(0xa2898205)],
    ...[Buffer.alloc(8, 0x31), Buffer.alloc(8), u16(names.length), u16(names.length), u32(56 + target.length)],
    ...[Buffer.alloc(8, 10), target, names],
  ])
}

function ntlmAuthenticate({ user, domain = 'GOV', workstation = 'WS-0417' }: Account): Buffer {
  const parts = [Buffer.alloc(24, 1), Buffer.alloc(48, 2), wide(domain), wide(user), wide(workstation), Buffer.alloc(0)]
  let at = 72
  const fields = parts.map((part) => {
    const field = Buffer.concat([u16(part.length), u16(part.length), u32(at)])
    at += part.length
    return field
  })
  return Buffer.concat([Buffer.from('NTLMSSP\0'), u32(3), ...fields, u32(0xa2888205), Buffer.alloc(8, 10), ...parts])
}

/** C706 chapter 12: interfaces by UUID. */
export const interfaces = {
  serviceControl: '367abb81-9844-35f1-ad32-98f038001003',
  tasks: '86d35949-83c9-4044-b424-db363231fd0c',
  replication: 'e3514235-4b06-11d1-ab04-00c04fc2dcd2',
  management: '9556dc99-828c-11cf-a37e-00aa003240c7',
  registry: '338cd001-2244-31f1-aaaa-900038001003',
  workstation: '6bffd098-a112-3610-9833-46c3f87e345a',
} as const

/** A call straight over TCP: bound, asked, answered. */
export function rpcCall(
  wire: Wire,
  from: string,
  to: string,
  interfaceId: string,
  operations: number[],
  port = 49_671,
) {
  const talk = wire.tcp({ from, to, port }).send(rpcBind(interfaceId)).receive(rpcBindAnswer())
  for (const operation of operations) talk.send(rpcRequest(operation, Buffer.alloc(64, 0x22))).receive(rpcAnswer())
  talk.close()
}

function rpcPacket(type: number, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([5, 0, type, 3, 0x10, 0, 0, 0]), u16(16 + body.length), u16(0), u32(1), body])
}

function rpcBind(interfaceId: string): Buffer {
  const transfer = Buffer.concat([uuid('8a885d04-1ceb-11c9-9fe8-08002b104860'), u32(2)])
  const context = Buffer.concat([
    u16(0),
    Buffer.from([1, 0]),
    uuid(interfaceId),
    u32(interfaceId === interfaces.replication ? 4 : 2),
    transfer,
  ])
  return rpcPacket(11, Buffer.concat([u16(5_840), u16(5_840), u32(0), Buffer.from([1, 0, 0, 0]), context]))
}

function rpcBindAnswer(): Buffer {
  const transfer = Buffer.concat([uuid('8a885d04-1ceb-11c9-9fe8-08002b104860'), u32(2)])
  return rpcPacket(
    12,
    Buffer.concat([
      u16(5_840),
      u16(5_840),
      u32(1),
      u16(2),
      Buffer.from([0, 0]),
      Buffer.from([1, 0, 0, 0]),
      u16(0),
      u16(0),
      transfer,
    ]),
  )
}

function rpcRequest(operation: number, stub: Uint8Array): Buffer {
  return rpcPacket(0, Buffer.concat([u32(stub.length), u16(0), u16(operation), stub]))
}

function rpcAnswer(): Buffer {
  return rpcPacket(2, Buffer.concat([u32(24), u16(0), Buffer.from([0, 0]), Buffer.alloc(24)]))
}

function uuid(text: string): Buffer {
  const hex = Buffer.from(text.replaceAll('-', ''), 'hex')
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]
  return Buffer.from(order.map((index) => hex[index]!))
}

/** DER (X.690). */
function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const length =
    body.length < 128
      ? Buffer.from([body.length])
      : body.length < 256
        ? Buffer.from([0x81, body.length])
        : Buffer.from([0x82, body.length >> 8, body.length & 255])
  return Buffer.concat([Buffer.from([tag]), length, body])
}
const integer = (value: number) => der(2, Buffer.from(value < 128 ? [value] : [value >> 8, value & 255]))
const text = (value: string) => der(0x1b, Buffer.from(value))
const context = (number: number, ...parts: Uint8Array[]) => der(0xa0 | number, ...parts)
const principal = (kind: number, ...names: string[]) =>
  der(0x30, context(0, integer(kind)), context(1, der(0x30, ...names.map(text))))
const encrypted = (type: number) => der(0x30, context(0, integer(type)), context(2, der(4, Buffer.alloc(96, 0x5c))))

export interface TicketParts {
  from: string
  to: string
  kind: 'AS' | 'TGS'
  user: string
  service?: string
  /** Types of pre-authentication data: 2 is the encrypted time stamp, 128 the wish for a PAC, 1 the ticket of a TGS request. */
  preAuthentication: number[]
  /** 23 is RC4, 18 AES-256. */
  requested: number[]
  /** Cipher of the ticket, or a refusal by its number. */
  answer: { cipher: number } | { error: number }
}

/** A ticket asked for over TCP and given or refused (RFC 4120 section 5.4). */
export function kerberos(
  wire: Wire,
  { from, to, kind, user, service = 'krbtgt/GOV.EXAMPLE', ...parts }: TicketParts,
): void {
  const time = der(0x18, Buffer.from('20261102013000Z'))
  const names = service.split('/')
  const body = der(
    0x30,
    context(0, der(3, Buffer.from([0, 0x40, 0x81, 0, 0x10]))),
    ...(kind === 'AS' ? [context(1, principal(1, user))] : []),
    context(2, text('GOV.EXAMPLE')),
    context(3, principal(2, ...names)),
    context(5, time),
    context(7, integer(4_711)),
    context(8, der(0x30, ...parts.requested.map(integer))),
  )
  const padata = parts.preAuthentication.map((type) =>
    der(0x30, context(1, integer(type)), context(2, der(4, Buffer.alloc(40, 3)))),
  )
  const request = der(
    kind === 'AS' ? 0x6a : 0x6c,
    der(
      0x30,
      context(1, integer(5)),
      context(2, integer(kind === 'AS' ? 10 : 12)),
      context(3, der(0x30, ...padata)),
      context(4, body),
    ),
  )
  const { answer } = parts
  const reply =
    'error' in answer
      ? der(
          0x7e,
          der(
            0x30,
            ...[context(0, integer(5)), context(1, integer(30)), context(4, time), context(5, integer(1))],
            ...[
              context(6, integer(answer.error)),
              context(9, text('GOV.EXAMPLE')),
              context(10, principal(2, ...names)),
            ],
          ),
        )
      : der(
          kind === 'AS' ? 0x6b : 0x6d,
          der(
            0x30,
            ...[context(0, integer(5)), context(1, integer(kind === 'AS' ? 11 : 13)), context(3, text('GOV.EXAMPLE'))],
            context(4, principal(1, user)),
            context(
              5,
              der(
                0x61,
                der(
                  0x30,
                  context(0, integer(5)),
                  context(1, text('GOV.EXAMPLE')),
                  context(2, principal(2, ...names)),
                  context(3, encrypted(answer.cipher)),
                ),
              ),
            ),
            context(6, encrypted(18)),
          ),
        )
  const framed = (message: Uint8Array) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(message.length)
    return Buffer.concat([length, message])
  }
  wire.tcp({ from, to, port: 88 }).send(framed(request)).receive(framed(reply)).close()
}
