import type { Fields } from '../../event/event.ts'
import { latin1 } from '../../lib/binary.ts'
import type { Side } from '../record.ts'
import type { Conversation, FirstBytes, Recognition, StreamDissector, StreamProtocol } from '../stream/conversation.ts'
import { LineReader } from '../stream/line-reader.ts'
import { MailReader } from './mail.ts'

/** POP3 (RFC 1939): sign-ins and the mails that are fetched. */
export const pop3: StreamProtocol = {
  name: 'pop3',
  recognise({ side, bytes, start, end, ports }: FirstBytes): Recognition {
    const line = latin1(bytes, start, Math.min(end, start + 64))
    if (side === 1) return line.startsWith('+OK') ? 'yes' : '+OK'.startsWith(line) ? 'more' : 'no'
    return ports[1] === 110 && /^(USER|CAPA|STLS|AUTH)\b/i.test(line) ? 'yes' : 'no'
  },
  create: (conversation) => new MailboxDissector(conversation, 'pop3'),
}

/** IMAP (RFC 9051): sign-ins. */
export const imap: StreamProtocol = {
  name: 'imap',
  recognise({ side, bytes, start, end }: FirstBytes): Recognition {
    const line = latin1(bytes, start, Math.min(end, start + 64))
    if (side === 1) return /^\* (OK|PREAUTH|BYE)\b/i.test(line) ? 'yes' : '* OK'.startsWith(line) ? 'more' : 'no'
    return /^[\w.]{1,16} (CAPABILITY|LOGIN|STARTTLS|AUTHENTICATE|ID)\b/i.test(line) ? 'yes' : 'no'
  },
  create: (conversation) => new MailboxDissector(conversation, 'imap'),
}

class MailboxDissector implements StreamDissector {
  private readonly conversation: Conversation
  private readonly dataset: 'pop3' | 'imap'
  private readonly lines = [new LineReader(), new LineReader()] as const
  private user: string | undefined
  /** The command whose answer comes next; for IMAP with its tag. */
  private asked: { verb: string; tag: string; timeUs: number } | undefined
  private mail: MailReader | undefined

  constructor(conversation: Conversation, dataset: 'pop3' | 'imap') {
    this.conversation = conversation
    this.dataset = dataset
  }

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    this.lines[side].push(bytes, start, end, (line) => {
      if (side === 0) this.command(line, timeUs)
      else if (this.mail) this.content(line, timeUs)
      else this.reply(line, timeUs)
      return true
    })
    return true
  }

  private command(line: string, timeUs: number): void {
    const isImap = this.dataset === 'imap'
    const [, tag = '', verb = '', argument = ''] =
      (isImap ? /^(\S+) (\S+)\s*(.*)$/ : /^()(\S+)\s*(.*)$/).exec(line) ?? []
    const name = verb.toUpperCase()
    if (name === 'USER') this.user = argument.slice(0, 256)
    if (name === 'LOGIN') this.user = argument.split(/\s+/)[0]?.replaceAll('"', '').slice(0, 256)
    if (/^(PASS|LOGIN|APOP|AUTH|AUTHENTICATE|STLS|STARTTLS|RETR)$/.test(name)) this.asked = { verb: name, tag, timeUs }
    else if (name !== 'USER' && /^[A-Z]{3,}$/.test(name)) this.asked = undefined
    if (name === 'APOP') this.user = argument.split(' ')[0]?.slice(0, 256)
  }

  private reply(line: string, timeUs: number): void {
    const { asked } = this
    if (!asked) return
    const isImap = this.dataset === 'imap'
    if (isImap ? !line.startsWith(`${asked.tag} `) : !/^(\+OK|-ERR)/.test(line)) return
    this.asked = undefined
    const isSuccess = isImap ? / OK\b/i.test(line) : line.startsWith('+OK')
    if (asked.verb === 'STLS' || asked.verb === 'STARTTLS') {
      if (isSuccess) this.conversation.restart()
      return
    }
    if (asked.verb === 'RETR') {
      if (isSuccess) this.mail = new MailReader(this.conversation, this.dataset, timeUs)
      return
    }
    const fields: Fields = { 'event.action': asked.verb, 'event.outcome': isSuccess ? 'success' : 'failure' }
    if (this.user !== undefined) fields['user.name'] = this.user
    if (asked.verb === 'PASS' || asked.verb === 'LOGIN') fields['traffic.cleartext_password'] = true
    this.conversation.emit(this.dataset, asked.timeUs, fields)
  }

  private content(line: string, timeUs: number): void {
    if (line !== '.') {
      this.mail!.line(line.startsWith('..') ? line.slice(1) : line)
      return
    }
    this.mail!.end(timeUs)
    this.conversation.emit(this.dataset, timeUs, { 'event.action': 'RETR', ...this.mail!.fields() })
    this.mail = undefined
  }

  gap(): boolean {
    return this.mail === undefined
  }

  end(timeUs: number): void {
    this.mail?.end(timeUs)
  }
}
