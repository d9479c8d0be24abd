import type { Fields } from '../../event/event.ts'
import { latin1, text, u16be, u16le, u32be, u32le, utf16le } from '../../lib/binary.ts'
import type { Side } from '../record.ts'
import type { Conversation, FirstBytes, Recognition, StreamDissector, StreamProtocol } from '../stream/conversation.ts'
import { type FrameRule, Framer } from '../stream/framer.ts'

/** Statements are told up to this length; values within them are the application's, not ours to keep whole. */
const statementLimit = 2_048

/** What the logins of all databases have in common: who, to which database, how it ended. */
abstract class DatabaseDissector implements StreamDissector {
  protected readonly conversation: Conversation
  protected readonly fields: Fields = {}
  private readonly dataset: string
  protected timeUs = 0
  private startUs = -1
  protected told = false
  protected isOver = false

  constructor(conversation: Conversation, dataset: string) {
    this.conversation = conversation
    this.dataset = dataset
  }

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    this.timeUs = timeUs
    if (this.startUs < 0) this.startUs = timeUs
    return this.read(side, bytes, start, end) && !this.isOver
  }

  protected abstract read(side: Side, bytes: Uint8Array, start: number, end: number): boolean

  protected tellLogin(success: boolean | undefined, more: Fields = {}): void {
    if (this.told) return
    this.told = true
    this.conversation.emit(this.dataset, this.startUs, {
      'event.action': 'login',
      'event.category': ['authentication', 'database', 'network'],
      ...(success === undefined ? {} : { 'event.outcome': success ? 'success' : 'failure' }),
      ...this.fields,
      ...more,
    })
  }

  protected tellStatement(action: string, statement: string): void {
    this.conversation.emit(this.dataset, this.timeUs, {
      'event.action': action,
      'event.category': ['database', 'network'],
      ...this.fields,
      'traffic.database.statement': statement.slice(0, statementLimit),
    })
  }

  gap(): boolean {
    return false
  }

  end(): void {
    if (this.fields['user.name'] !== undefined) this.tellLogin(undefined)
  }
}

const mysqlFrames: FrameRule = {
  headerBytes: 4,
  limitBytes: 1_048_576,
  lengthOf: (bytes, at) => 4 + (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)),
}
const clientSsl = 0x0800
const clientProtocol41 = 0x0200
const clientConnectWithDatabase = 0x0008
const clientLengthEncodedAuth = 0x00200000

/** MySQL and MariaDB (MySQL Internals: Client/Server Protocol, version 10): greeting, login, statements in the clear. */
export const mysql: StreamProtocol = {
  name: 'mysql',
  recognise({ side, bytes, start, end }: FirstBytes): Recognition {
    if (side !== 1) return 'no'
    if (end - start < 6) return 'more'
    const length = bytes[start]! | (bytes[start + 1]! << 8) | (bytes[start + 2]! << 16)
    if (bytes[start + 3] !== 0 || length > 512) return 'no'
    // The greeting, or the refusal that comes in its place.
    return (bytes[start + 4] === 10 && bytes[start + 5]! >= 0x33 && bytes[start + 5]! <= 0x39) ||
      (bytes[start + 4] === 255 && length > 8)
      ? 'yes'
      : 'no'
  },
  create: (conversation) => new MysqlDissector(conversation),
}

class MysqlDissector extends DatabaseDissector {
  private readonly framers = [new Framer(mysqlFrames), new Framer(mysqlFrames)] as const
  private phase: 'greeting' | 'login' | 'answer' | 'commands' = 'greeting'

  constructor(conversation: Conversation) {
    super(conversation, 'mysql')
  }

  protected read(side: Side, bytes: Uint8Array, start: number, end: number): boolean {
    // Results need not be read to know what was asked.
    if (this.phase === 'commands' && side === 1) return true
    return this.framers[side].push(bytes, start, end, (source, from, to) => this.packet(side, source, from + 4, to))
  }

  private packet(side: Side, bytes: Uint8Array, start: number, end: number): void {
    if (side === 1) this.server(bytes, start, end)
    else if (this.phase === 'login') this.login(bytes, start, end)
    else if (this.phase === 'commands' && bytes[start] === 3) this.tellStatement('query', text(bytes, start + 1, end))
  }

  private server(bytes: Uint8Array, start: number, end: number): void {
    const kind = bytes[start]!
    if (this.phase === 'greeting') {
      if (kind === 10) this.fields['traffic.database.server_version'] = zeroTerminated(bytes, start + 1, end)
      this.phase = 'login'
      if (kind === 255) this.tellLogin(false, { 'event.reason': text(bytes, start + 3, end).slice(0, 256) })
    } else if (this.phase === 'answer') {
      if (kind === 0) {
        this.phase = 'commands'
        this.tellLogin(true)
      } else if (kind === 255) this.tellLogin(false, { 'event.reason': text(bytes, start + 9, end).slice(0, 256) })
    }
  }

  private login(bytes: Uint8Array, start: number, end: number): void {
    if (end - start < 32) return
    const capabilities = u32le(bytes, start)
    if (capabilities & clientSsl && end - start === 32) {
      this.conversation.restart()
      return
    }
    if ((capabilities & clientProtocol41) === 0) return
    let at = start + 32
    const user = zeroTerminated(bytes, at, end)
    this.fields['user.name'] = user.slice(0, 256)
    at += Buffer.byteLength(user) + 1
    const secretBytes = capabilities & clientLengthEncodedAuth || at < end ? (bytes[at] ?? 0) : 0
    at += 1 + secretBytes
    if (capabilities & clientConnectWithDatabase && at < end)
      this.fields['traffic.database.name'] = zeroTerminated(bytes, at, end).slice(0, 256)
    this.phase = 'answer'
  }
}

const postgresFrames: FrameRule = {
  headerBytes: 5,
  limitBytes: 1_048_576,
  lengthOf: (bytes, at) => 1 + u32be(bytes, at + 1),
}
const postgresVersion3 = 196_608
const postgresSslRequest = 80_877_103

/** PostgreSQL and what speaks like it (PostgreSQL documentation, chapter Frontend/Backend Protocol, version 3). */
export const postgresql: StreamProtocol = {
  name: 'postgresql',
  recognise({ side, bytes, start, end }: FirstBytes): Recognition {
    if (side !== 0) return 'no'
    if (end - start < 8) return bytes[start] === 0 ? 'more' : 'no'
    const length = u32be(bytes, start)
    const code = u32be(bytes, start + 4)
    return (code === postgresVersion3 && length >= 9 && length < 10_000) ||
      (code === postgresSslRequest && length === 8)
      ? 'yes'
      : 'no'
  },
  create: (conversation) => new PostgresDissector(conversation),
}

class PostgresDissector extends DatabaseDissector {
  private readonly framers = [new Framer(postgresFrames), new Framer(postgresFrames)] as const
  private isStarted = false
  private asksForTls = false

  constructor(conversation: Conversation) {
    super(conversation, 'postgresql')
  }

  protected read(side: Side, bytes: Uint8Array, start: number, end: number): boolean {
    if (side === 0 && !this.isStarted) {
      // The first message has no type; clients send it in one piece.
      if (end - start < 8) return false
      if (u32be(bytes, start + 4) === postgresSslRequest) {
        this.asksForTls = true
        return true
      }
      this.startup(bytes, start + 8, end)
      this.isStarted = true
      return true
    }
    if (side === 1 && this.asksForTls && !this.isStarted) {
      this.asksForTls = false
      if (bytes[start] === 83) this.conversation.restart()
      return true
    }
    return this.framers[side].push(bytes, start, end, (source, from, to) => this.message(side, source, from, to))
  }

  private startup(bytes: Uint8Array, start: number, end: number): void {
    const parts = latin1(bytes, start, end).split('\0')
    for (let index = 0; index + 1 < parts.length && parts[index] !== ''; index += 2) {
      if (parts[index] === 'user') this.fields['user.name'] = parts[index + 1]!.slice(0, 256)
      if (parts[index] === 'database') this.fields['traffic.database.name'] = parts[index + 1]!.slice(0, 256)
      if (parts[index] === 'application_name')
        this.fields['traffic.database.application'] = parts[index + 1]!.slice(0, 256)
    }
  }

  private message(side: Side, bytes: Uint8Array, start: number, end: number): void {
    const type = String.fromCharCode(bytes[start]!)
    if (side === 1) {
      if (type === 'R' && end - start >= 9) {
        const method = u32be(bytes, start + 5)
        if (method === 0) this.tellLogin(true)
        if (method === 3) this.fields['traffic.cleartext_password'] = true
      } else if (type === 'E') {
        const message = /(?:^|\0)M([^\0]*)/.exec(text(bytes, start + 5, end))?.[1]
        const code = /(?:^|\0)C([^\0]*)/.exec(text(bytes, start + 5, end))?.[1]
        // Classes 28 and 3D: the login was refused.
        if (code === undefined || /^(28|3D|53)/.test(code))
          this.tellLogin(false, message === undefined ? {} : { 'event.reason': message.slice(0, 256) })
      }
    } else if (type === 'Q') this.tellStatement('query', zeroTerminated(bytes, start + 5, end))
    else if (type === 'P') this.tellStatement('prepare', latin1(bytes, start + 5, end).split('\0')[1] ?? '')
  }
}

const tdsFrames: FrameRule = { headerBytes: 8, limitBytes: 65_536, lengthOf: (bytes, at) => u16be(bytes, at + 2) }
const tdsType = { batch: 1, reply: 4, login7: 16, preLogin: 18 } as const

/** Microsoft SQL Server (MS-TDS): the login record and whether it was accepted; statements in the clear. */
export const mssql: StreamProtocol = {
  name: 'mssql',
  recognise({ side, bytes, start, end }: FirstBytes): Recognition {
    if (side !== 0) return 'no'
    if (end - start < 8) return bytes[start] === tdsType.preLogin || bytes[start] === tdsType.login7 ? 'more' : 'no'
    const isKnown = bytes[start] === tdsType.preLogin || bytes[start] === tdsType.login7
    return isKnown &&
      bytes[start + 1]! <= 1 &&
      u16be(bytes, start + 2) >= 9 &&
      bytes[start + 7] === 0 &&
      u16be(bytes, start + 4) === 0
      ? 'yes'
      : 'no'
  },
  create: (conversation) => new TdsDissector(conversation),
}

class TdsDissector extends DatabaseDissector {
  private readonly framers = [new Framer(tdsFrames), new Framer(tdsFrames)] as const
  private hasLogin = false

  constructor(conversation: Conversation) {
    super(conversation, 'mssql')
  }

  protected read(side: Side, bytes: Uint8Array, start: number, end: number): boolean {
    return this.framers[side].push(bytes, start, end, (source, from, to) =>
      this.packet(side, source, from + 8, to, source[from]!),
    )
  }

  private packet(side: Side, bytes: Uint8Array, start: number, end: number, type: number): void {
    if (side === 0 && type === tdsType.login7) this.login(bytes, start, end)
    else if (side === 0 && type === tdsType.batch) this.batch(bytes, start, end)
    else if (side === 1 && type === tdsType.reply && this.hasLogin) {
      // Tokens: 0xAD login acknowledged, 0xAA error. They come first or after environment changes.
      const tokens = Buffer.from(bytes.subarray(start, end))
      if (tokens.includes(0xad)) this.tellLogin(true)
      else if (tokens[0] === 0xaa)
        this.tellLogin(false, { 'traffic.database.error': tokens.length >= 7 ? u32le(tokens, 3) : 0 })
    }
  }

  private login(bytes: Uint8Array, start: number, end: number): void {
    if (end - start < 94) return
    this.hasLogin = true
    const field = (at: number) => {
      const from = start + u16le(bytes, start + at)
      const to = from + 2 * u16le(bytes, start + at + 2)
      return to <= end ? utf16le(bytes, from, to).slice(0, 256) : ''
    }
    for (const [name, at] of [
      ['source.domain', 36],
      ['user.name', 40],
      ['traffic.database.application', 48],
      ['traffic.database.name', 68],
    ] as const) {
      const value = field(at)
      if (value !== '' && name !== 'source.domain') this.fields[name] = value
      if (value !== '' && name === 'source.domain') this.fields['traffic.database.client_host'] = value
    }
  }

  private batch(bytes: Uint8Array, start: number, end: number): void {
    // Headers of all kinds stand before the statement (MS-TDS section 2.2.5.3).
    const headers = end - start >= 4 ? u32le(bytes, start) : 0
    const from = headers >= 4 && headers < end - start ? start + headers : start
    this.tellStatement('query', utf16le(bytes, from, Math.min(end, from + 2 * statementLimit)))
  }
}

const toldRedisCommands =
  /^(AUTH|CONFIG|SLAVEOF|REPLICAOF|MODULE|EVAL|SCRIPT|FLUSHALL|FLUSHDB|SAVE|BGSAVE|SHUTDOWN|DEBUG|ACL|MONITOR|MIGRATE|KEYS|CLIENT)$/

/** Redis (RESP, redis.io "Redis serialization protocol"): sign-ins and the commands by which servers are taken over. */
export const redis: StreamProtocol = {
  name: 'redis',
  recognise({ side, bytes, start, end, ports }: FirstBytes): Recognition {
    if (side !== 0) return 'no'
    const line = latin1(bytes, start, Math.min(end, start + 32))
    if (/^\*\d{1,4}\r\n\$\d{1,9}\r\n/.test(line)) return 'yes'
    if (/^\*\d{0,4}\r?\n?(\$\d{0,9}\r?)?$/.test(line)) return 'more'
    return ports[1] === 6379 && /^(AUTH|INFO|PING|CONFIG|SELECT|GET|SET)\b/i.test(line) ? 'yes' : 'no'
  },
  create: (conversation) => new RedisDissector(conversation),
}

class RedisDissector extends DatabaseDissector {
  private rest = ''
  private asked: string | undefined

  constructor(conversation: Conversation) {
    super(conversation, 'redis')
  }

  protected read(side: Side, bytes: Uint8Array, start: number, end: number): boolean {
    if (side === 1) {
      this.reply(latin1(bytes, start, Math.min(end, start + 128)))
      return true
    }
    this.rest += latin1(bytes, start, end)
    for (;;) {
      const command = takeRedisCommand(this.rest)
      if (command === undefined) break
      this.rest = this.rest.slice(command.length)
      this.command(command.parts)
    }
    // A value of many megabytes is not waited for.
    if (this.rest.length > 1_048_576) this.rest = ''
    return true
  }

  private command([name = '', ...parts]: string[]): void {
    const verb = name.toUpperCase()
    this.asked = verb
    if (!toldRedisCommands.test(verb)) return
    if (verb === 'AUTH') {
      this.fields['user.name'] = parts.length > 1 ? parts[0]!.slice(0, 256) : 'default'
      this.fields['traffic.cleartext_password'] = true
      return
    }
    this.tellStatement(verb, [verb, ...parts.map((part) => part.slice(0, 256))].join(' '))
  }

  private reply(line: string): void {
    if (this.asked !== 'AUTH') return
    this.asked = undefined
    // A connection may be refused, and ask again, many times.
    this.told = false
    this.tellLogin(
      line.startsWith('+OK'),
      line.startsWith('-') ? { 'event.reason': line.slice(1).split('\r')[0]!.slice(0, 256) } : {},
    )
  }
}

function takeRedisCommand(text: string): { parts: string[]; length: number } | undefined {
  if (!text.startsWith('*')) {
    const end = text.indexOf('\r\n')
    return end < 0 ? undefined : { parts: text.slice(0, end).split(/\s+/), length: end + 2 }
  }
  const head = /^\*(\d{1,6})\r\n/.exec(text)
  if (!head) return undefined
  let at = head[0].length
  const parts: string[] = []
  for (let count = Math.min(Number(head[1]), 1_024); count > 0; count--) {
    const size = /^\$(\d{1,9})\r\n/.exec(text.slice(at, at + 16))
    if (!size) return undefined
    const start = at + size[0].length
    const end = start + Number(size[1])
    if (end + 2 > text.length) return undefined
    parts.push(text.slice(start, Math.min(end, start + 4_096)))
    at = end + 2
  }
  return { parts, length: at }
}

function zeroTerminated(bytes: Uint8Array, start: number, end: number): string {
  let stop = start
  while (stop < end && bytes[stop] !== 0) stop++
  return text(bytes, start, stop)
}
