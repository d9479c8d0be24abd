import type { TcpParts, Wire } from '../wire.ts'

interface SignIn extends Omit<TcpParts, 'port'> {
  user: string
  isRight: boolean
}

/** MySQL Internals, Client/Server Protocol 10. */
export function mysqlSignIn(wire: Wire, { from, to, user, isRight }: SignIn): void {
  const packet = (number: number, body: Uint8Array) =>
    Buffer.concat([Buffer.from([body.length & 255, body.length >> 8, 0, number]), body])
  const greeting = Buffer.concat([
    Buffer.from([10]),
    Buffer.from('8.0.36\0'),
    Buffer.from([1, 2, 3, 4]),
    Buffer.from('saltsalt\0'),
    Buffer.from('fff7ff0200ffc11500000000000000000000', 'hex'),
    Buffer.from('saltsaltsalt\0mysql_native_password\0'),
  ])
  const login = Buffer.concat([
    Buffer.from('85a6ff0000000001ff', 'hex'),
    Buffer.alloc(23),
    Buffer.from(`${user}\0`),
    Buffer.from([20]),
    Buffer.alloc(20, 0x42),
    Buffer.from('mysql_native_password\0'),
  ])
  const refusal = Buffer.concat([
    Buffer.from('ff1504', 'hex'),
    Buffer.from(`#28000Access denied for user '${user}'@'${from}' (using password: YES)`),
  ])
  wire
    .tcp({ from, to, port: 3306 })
    .open()
    .receive(packet(0, greeting))
    .send(packet(1, login))
    .receive(packet(2, isRight ? Buffer.from('00000002000000', 'hex') : refusal))
    .close()
}

/** PostgreSQL frontend/backend protocol 3.0. */
export function postgresqlSignIn(wire: Wire, { from, to, user, isRight }: SignIn): void {
  const message = (type: string, body: Uint8Array) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(4 + body.length)
    return Buffer.concat([Buffer.from(type), length, body])
  }
  const startup = Buffer.concat([Buffer.from('00030000', 'hex'), Buffer.from(`user\0${user}\0database\0records\0\0`)])
  const refusal = Buffer.from(
    `SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "${user}"\0Fauth.c\0L326\0Rauth_failed\0\0`,
  )
  wire
    .tcp({ from, to, port: 5432 })
    .send(message('', startup))
    .receive(message('R', Buffer.from('0000000501020304', 'hex')))
    .send(message('p', Buffer.from('md5900150983cd24fb0d6963f7d28e17f72\0')))
    .receive(isRight ? message('R', Buffer.alloc(4)) : message('E', refusal))
    .close()
}

/** MS-TDS sections 2.2.1.1, 2.2.6.4 and 2.2.7.10. */
export function mssqlSignIn(wire: Wire, { from, to, user, isRight }: SignIn): void {
  const packet = (type: number, body: Uint8Array) => {
    const head = Buffer.from([type, 1, 0, 0, 0, 0, 1, 0])
    head.writeUInt16BE(8 + body.length, 2)
    return Buffer.concat([head, body])
  }
  const texts = ['WS-0417', user, 'secret-of-length', 'sqlcmd', to, '', 'ODBC', '', 'records'].map((text) =>
    Buffer.from(text, 'utf16le'),
  )
  const fixed = Buffer.alloc(94)
  let at = 94
  for (const [index, text] of texts.entries()) {
    fixed.writeUInt16LE(at, 36 + 4 * index)
    fixed.writeUInt16LE(text.length / 2, 38 + 4 * index)
    at += text.length
  }
  fixed.writeUInt32LE(at, 0)
  fixed.writeUInt32LE(0x74000004, 4)
  const words = Buffer.from(`Login failed for user '${user}'.`, 'utf16le')
  const token = Buffer.concat([
    Buffer.from([0x18, 0x48, 0, 0, 1, 14]),
    Buffer.from([words.length / 2, 0]),
    words,
    Buffer.from([0, 0, 1, 0, 0, 0]),
  ])
  const refusal = Buffer.concat([Buffer.from([0xaa, token.length & 255, token.length >> 8]), token])
  const accepted = Buffer.from('ad36000174000004', 'hex')
  wire
    .tcp({ from, to, port: 1433 })
    .send(packet(18, Buffer.from('00000b000600010011000100ff000000000000', 'hex')))
    .receive(packet(4, Buffer.from('00000b000600010011000100ff0f0007d00200', 'hex')))
    .send(packet(16, Buffer.concat([fixed, ...texts])))
    .receive(packet(4, isRight ? accepted : refusal))
    .close()
}
