import type { Fields } from '../../event/event.ts'
import { latin1, text, u16be } from '../../lib/binary.ts'
import { derChildren, derElement, derInteger } from '../../lib/der.ts'
import { canonicalIpOf } from '../../lib/ip-octets.ts'
import type { Side } from '../record.ts'
import type { Conversation, FirstBytes, Recognition, StreamDissector, StreamProtocol } from '../stream/conversation.ts'
import { Framer } from '../stream/framer.ts'
import { LineReader } from '../stream/line-reader.ts'
import { findNtlm, type NtlmMessage, ntlmFields } from './ntlm.ts'

/** A dissector that only needs to look at what comes; says itself when it has seen enough. */
abstract class Watcher implements StreamDissector {
  protected readonly conversation: Conversation

  constructor(conversation: Conversation) {
    this.conversation = conversation
  }

  abstract data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean

  gap(): boolean {
    return false
  }

  end(_timeUs: number): void {
    // What was seen was told when it was seen.
  }
}

/** SOCKS 4, 4a and 5 (RFC 1928, RFC 1929): where somebody is let out to; what follows is found anew. */
export const socks: StreamProtocol = {
  name: 'socks',
  recognise({ side, bytes, start, end }: FirstBytes): Recognition {
    if (side !== 0) return 'no'
    const length = end - start
    if (bytes[start] === 5)
      return length >= 3 && length === 2 + bytes[start + 1]! && bytes[start + 1]! > 0 && bytes[start + 2]! <= 9
        ? 'yes'
        : length < 3
          ? 'more'
          : 'no'
    if (bytes[start] !== 4) return 'no'
    return length >= 9 &&
      bytes[start + 1]! <= 2 &&
      bytes[start + 1]! > 0 &&
      bytes[end - 1] === 0 &&
      u16be(bytes, start + 2) > 0
      ? 'yes'
      : 'no'
  },
  create: (conversation) => new SocksDissector(conversation),
}

class SocksDissector extends Watcher {
  private version = 0
  private phase: 'methods' | 'password' | 'request' | 'reply' = 'methods'
  private fields: Fields = {}

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    if (this.version === 0) {
      this.version = bytes[start]!
      if (this.version === 4) return this.request4(bytes, start, end)
      return true
    }
    if (side === 0) {
      if (this.phase === 'password' && bytes[start] === 1) {
        this.fields['user.name'] = text(bytes, start + 2, Math.min(end, start + 2 + bytes[start + 1]!))
        this.fields['traffic.cleartext_password'] = true
        this.phase = 'request'
      } else this.request5(bytes, start, end)
      return true
    }
    if (this.version === 5 && this.phase === 'methods' && end - start === 2) {
      this.phase = bytes[start + 1] === 2 ? 'password' : 'request'
      return bytes[start + 1] !== 0xff
    }
    if (this.phase === 'reply') {
      const isAccepted = this.version === 4 ? bytes[start + 1] === 90 : bytes[start + 1] === 0
      this.conversation.emit('socks', timeUs, {
        'zeek.version': this.version,
        'event.outcome': isAccepted ? 'success' : 'failure',
        ...this.fields,
      })
      if (isAccepted) this.conversation.restart()
      return isAccepted
    }
    return true
  }

  private request4(bytes: Uint8Array, start: number, end: number): boolean {
    const address = bytes.subarray(start + 4, start + 8)
    this.fields['zeek.request_p'] = u16be(bytes, start + 2)
    // 4a: an address of 0.0.0.x means that a name follows the user.
    const names = latin1(bytes, start + 8, end).split('\0')
    const isName = address[0] === 0 && address[1] === 0 && address[2] === 0 && address[3] !== 0
    this.fields['zeek.request_host'] = isName ? (names[1] ?? '').slice(0, 255) : canonicalIpOf(address)
    if (names[0]) this.fields['user.name'] = names[0].slice(0, 255)
    this.phase = 'reply'
    return true
  }

  private request5(bytes: Uint8Array, start: number, end: number): void {
    if (bytes[start] !== 5 || end - start < 8) return
    const kind = bytes[start + 3]!
    const nameBytes = kind === 3 ? bytes[start + 4]! : 0
    const length = kind === 1 ? 4 : kind === 4 ? 16 : 1 + nameBytes
    const at = start + 4
    if (at + length + 2 > end) return
    this.fields['zeek.request_host'] =
      kind === 3 ? text(bytes, at + 1, at + 1 + nameBytes) : canonicalIpOf(bytes.subarray(at, at + length))
    this.fields['zeek.request_p'] = u16be(bytes, at + length)
    this.fields['event.action'] =
      ['', 'connect', 'bind', 'udp_associate'][bytes[start + 1]!] ?? String(bytes[start + 1])
    this.phase = 'reply'
  }
}

/** IRC (RFC 2812): who joins which channel. */
export const irc: StreamProtocol = {
  name: 'irc',
  recognise({ side, bytes, start, end }: FirstBytes): Recognition {
    const line = latin1(bytes, start, Math.min(end, start + 200))
    if (side === 0)
      return /^(NICK \S+\r?\n|USER \S+ \S+ \S+ :|CAP LS|PASS \S+\r?\n(NICK|USER|CAP))/.test(line) ? 'yes' : 'no'
    return /^:\S+ (NOTICE|001|020) (AUTH|\*|\S+) :/.test(line) || /^NOTICE AUTH :/.test(line) ? 'yes' : 'no'
  },
  create: (conversation) => new IrcDissector(conversation),
}

class IrcDissector extends Watcher {
  private readonly lines = [new LineReader(), new LineReader()] as const
  private nick: string | undefined
  private user: string | undefined

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    this.lines[side].push(bytes, start, end, (line) => {
      const [, verb = '', argument = ''] = /^(?::\S+ )?([A-Za-z]+)\s*(.*)$/.exec(line) ?? []
      if (side === 0 && /^(NICK|USER|JOIN|PRIVMSG|DCC)$/i.test(verb)) {
        if (/^NICK$/i.test(verb)) this.nick = argument.replace(/^:/, '').slice(0, 128)
        if (/^USER$/i.test(verb)) this.user = argument.split(' ')[0]!.slice(0, 128)
        if (!/^PRIVMSG$/i.test(verb)) this.tell(verb.toUpperCase(), argument, timeUs)
      }
      return true
    })
    return true
  }

  private tell(command: string, value: string, timeUs: number): void {
    this.conversation.emit('irc', timeUs, {
      'event.action': command,
      'zeek.command': command,
      'zeek.value': value.slice(0, 512),
      ...(this.nick === undefined ? {} : { 'zeek.nick': this.nick }),
      ...(this.user === undefined ? {} : { 'user.name': this.user }),
    })
  }

  override gap(): boolean {
    return true
  }
}

/** Telnet (RFC 854): that it is used at all, and the name somebody types at the prompt. */
export const telnet: StreamProtocol = {
  name: 'telnet',
  recognise({ bytes, start, end, ports }: FirstBytes): Recognition {
    // Negotiation: IAC, then WILL, WONT, DO or DONT, then an option.
    const isNegotiation =
      end - start >= 3 &&
      bytes[start] === 0xff &&
      bytes[start + 1]! >= 0xfb &&
      bytes[start + 1]! <= 0xfe &&
      bytes[start + 2]! < 50
    if (isNegotiation) return 'yes'
    return ports[1] === 23 && /login:|username:|password:/i.test(latin1(bytes, start, Math.min(end, start + 256)))
      ? 'yes'
      : 'no'
  },
  create: (conversation) => new TelnetDissector(conversation),
}

class TelnetDissector extends Watcher {
  private prompt: 'login' | 'password' | undefined
  private typed = ''
  private user: string | undefined
  private startUs = -1
  private attempts = 0
  private outcome: 'success' | 'failure' | undefined

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    if (this.startUs < 0) this.startUs = timeUs
    const said = latin1(bytes, start, end).replace(/\xff[\xfb-\xfe].|\xff\xfa[^\xf0]*\xff\xf0/gs, '')
    if (side === 1) {
      if (/(login|username):\s*$/i.test(said)) this.ask('login')
      else if (/password:\s*$/i.test(said)) this.ask('password')
      else if (/login incorrect|login failed|authentication failed|access denied/i.test(said)) this.outcome = 'failure'
      else if (/[$#>]\s*$/.test(said) && this.attempts > 0) {
        this.outcome = 'success'
        return false
      }
      return this.attempts < 64
    }
    if (this.prompt === undefined) return true
    this.typed = (this.typed + said).slice(-512)
    const end1 = this.typed.search(/[\r\n\0]/)
    if (end1 < 0) return true
    if (this.prompt === 'login') this.user = this.typed.slice(0, end1).slice(0, 128)
    else this.attempts++
    this.prompt = undefined
    this.typed = ''
    return true
  }

  private ask(prompt: 'login' | 'password'): void {
    this.prompt = prompt
    this.typed = ''
  }

  override end(): void {
    if (this.startUs < 0) return
    this.conversation.emit('telnet', this.startUs, {
      'event.action': 'session',
      ...(this.user === undefined ? {} : { 'user.name': this.user }),
      ...(this.attempts > 0 ? { 'traffic.cleartext_password': true, 'traffic.telnet.attempts': this.attempts } : {}),
      ...(this.outcome === undefined ? {} : { 'event.outcome': this.outcome }),
    })
  }
}

/** LDAP (RFC 4511): binds with their outcome, and searches. */
export const ldap: StreamProtocol = {
  name: 'ldap',
  recognise({ side, bytes, start, end }: FirstBytes): Recognition {
    if (bytes[start] !== 0x30 || side !== 0) return 'no'
    const outer = derElement(bytes, start, end)
    if (!outer) return end - start < 8 ? 'more' : 'no'
    const [id, operation] = derChildren(bytes, outer.start, outer.end)
    return id?.tag === 2 && operation !== undefined && [0x60, 0x63, 0x77, 0x42].includes(operation.tag) ? 'yes' : 'no'
  },
  create: (conversation) => new LdapDissector(conversation),
}

function derLength(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== 0x30) return -1
  const first = bytes[at + 1]!
  if (first < 0x80) return 2 + first
  let length = 0
  for (let index = 0; index < (first & 0x7f); index++) length = length * 256 + bytes[at + 2 + index]!
  return (first & 0x7f) > 4 ? -1 : 2 + (first & 0x7f) + length
}

class LdapDissector extends Watcher {
  private readonly framers: readonly [Framer, Framer]
  private bind: Fields | undefined
  private ntlmServer: NtlmMessage | undefined
  private ntlmClient: NtlmMessage | undefined
  private searches = 0

  constructor(conversation: Conversation) {
    super(conversation)
    const rule = { headerBytes: 6, limitBytes: 1_048_576, lengthOf: derLength }
    this.framers = [new Framer(rule), new Framer(rule)]
  }

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    return this.framers[side].push(bytes, start, end, (source, from, to) =>
      this.message(side, source, from, to, timeUs),
    )
  }

  private message(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    const outer = derElement(bytes, start, end)
    const operation = outer && derChildren(bytes, outer.start, outer.end)[1]
    if (!operation) return
    const parts = derChildren(bytes, operation.start, operation.end)
    if (side === 0 && operation.tag === 0x60) {
      const [, name, authentication] = parts
      this.bind = {
        'event.action': 'bind',
        ...(name && name.end > name.start ? { 'user.name': text(bytes, name.start, name.end).slice(0, 512) } : {}),
      }
      if (authentication?.tag === 0x80 && authentication.end > authentication.start)
        this.bind['traffic.cleartext_password'] = true
      if (authentication) {
        const message = findNtlm(bytes, authentication.start, authentication.end)
        if (message?.type === 3) this.ntlmClient = message
      }
    } else if (side === 1 && operation.tag === 0x61 && this.bind)
      this.bindAnswer(bytes, parts[0] ? derInteger(bytes, parts[0]) : -1, operation, timeUs)
    else if (side === 0 && operation.tag === 0x63 && this.searches++ < 1_000) {
      const [base, scope] = parts
      this.conversation.emit('ldap', timeUs, {
        'event.action': 'search',
        ...(base ? { 'traffic.ldap.base': text(bytes, base.start, base.end).slice(0, 512) } : {}),
        ...(scope ? { 'traffic.ldap.scope': ['base', 'one', 'subtree'][derInteger(bytes, scope)] ?? 'other' } : {}),
        ...(parts[6]
          ? { 'traffic.ldap.filter_text': printable(latin1(bytes, parts[6].start, parts[6].end)).slice(0, 512) }
          : {}),
      })
    }
  }

  private bindAnswer(
    bytes: Uint8Array,
    result: number,
    operation: { start: number; end: number },
    timeUs: number,
  ): void {
    const message = findNtlm(bytes, operation.start, operation.end)
    if (message?.type === 2) this.ntlmServer = message
    // 14: the exchange goes on (saslBindInProgress).
    if (result === 14) return
    const isSuccess = result === 0
    if (this.ntlmClient) this.conversation.emit('ntlm', timeUs, ntlmFields(this.ntlmClient, this.ntlmServer, isSuccess))
    this.conversation.emit('ldap', timeUs, {
      ...this.bind,
      'event.outcome': isSuccess ? 'success' : 'failure',
      ...(isSuccess ? {} : { 'traffic.ldap.result': result }),
    })
    this.bind = undefined
    this.ntlmClient = undefined
  }
}

/** The words within an encoded filter: attribute names and values, without the encoding's own octets. */
function printable(value: string): string {
  return (value.match(/[\x20-\x7e]{2,}/g) ?? []).join(' ')
}

/** Stratum, by which miners get their work (JSON-RPC lines: `mining.subscribe`, `login`, `eth_submitLogin`). */
export const stratum: StreamProtocol = {
  name: 'stratum',
  recognise({ side, bytes, start, end }: FirstBytes): Recognition {
    if (bytes[start] !== 0x7b) return 'no'
    const line = latin1(bytes, start, Math.min(end, start + 512))
    if (
      /"method"\s*:\s*"(mining\.(subscribe|authorize|configure|notify|set_difficulty|extranonce\.subscribe)|eth_submitLogin|eth_getWork)"/.test(
        line,
      )
    )
      return 'yes'
    if (side === 0 && /"method"\s*:\s*"login"/.test(line) && /"(agent|pass|algo|rigid)"\s*:/.test(line)) return 'yes'
    return line.length < 512 && !line.includes('\n') ? 'more' : 'no'
  },
  create: (conversation) => new StratumDissector(conversation),
}

class StratumDissector extends Watcher {
  private readonly lines = [new LineReader(65_536), new LineReader(65_536)] as const
  private readonly told = new Set<string>()

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    this.lines[side].push(bytes, start, end, (line) => {
      const method = /"method"\s*:\s*"([^"]{1,64})"/.exec(line)?.[1]
      // Work and shares come for days: the first of each kind says enough.
      if (method === undefined || this.told.has(method) || this.told.size > 32) return true
      this.told.add(method)
      const fields: Fields = { 'event.action': method }
      const user =
        /"(?:login|user)"\s*:\s*"([^"]{1,256})"/.exec(line)?.[1] ??
        (/authorize|submitLogin/i.test(method) ? /"params"\s*:\s*\[\s*"([^"]{1,256})"/.exec(line)?.[1] : undefined)
      if (user !== undefined) fields['user.name'] = user
      const agent =
        /"agent"\s*:\s*"([^"]{1,256})"/.exec(line)?.[1] ??
        (method === 'mining.subscribe' ? /"params"\s*:\s*\[\s*"([^"]{1,256})"/.exec(line)?.[1] : undefined)
      if (agent !== undefined) fields['user_agent.original'] = agent
      const algorithms = /"algo"\s*:\s*\[([^\]]{1,256})\]/.exec(line)?.[1]
      if (algorithms !== undefined) fields['traffic.mining.algorithms'] = algorithms.replaceAll('"', '').split(',')
      this.conversation.emit('stratum', timeUs, fields)
      return true
    })
    return true
  }

  override gap(): boolean {
    return true
  }
}

/** BitTorrent's handshake between peers (BEP 3). */
export const bittorrent: StreamProtocol = {
  name: 'bittorrent',
  recognise({ bytes, start, end }: FirstBytes): Recognition {
    if (bytes[start] !== 19) return 'no'
    return end - start < 20 ? 'more' : latin1(bytes, start + 1, start + 20) === 'BitTorrent protocol' ? 'yes' : 'no'
  },
  create: (conversation) => new BittorrentDissector(conversation),
}

class BittorrentDissector extends Watcher {
  data(_side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    const hash = end - start >= 48 ? Buffer.from(bytes.subarray(start + 28, start + 48)).toString('hex') : undefined
    this.conversation.emit('bittorrent', timeUs, {
      'event.action': 'handshake',
      ...(hash === undefined ? {} : { 'traffic.bittorrent.info_hash': hash }),
    })
    return false
  }
}
