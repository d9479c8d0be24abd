import type { Fields } from '../../event/event.ts'
import { latin1 } from '../../lib/binary.ts'
import type { Side } from '../record.ts'
import type { Conversation, FirstBytes, Recognition, StreamDissector, StreamProtocol } from '../stream/conversation.ts'
import { LineReader } from '../stream/line-reader.ts'
import { MailReader } from './mail.ts'

const recipientLimit = 100

/** SMTP (RFC 5321): one record a mail, and one for each sign-in. */
export const smtp: StreamProtocol = {
  name: 'smtp',
  recognise({ side, bytes, start, end, ports }: FirstBytes): Recognition {
    const line = latin1(bytes, start, Math.min(end, start + 128))
    if (side === 1) {
      if (!/^220[ -]/.test(line)) return line.length < 4 && '220'.startsWith(line.slice(0, 3)) ? 'more' : 'no'
      return /smtp|mail|esmtp/i.test(line) || [25, 465, 587, 2525].includes(ports[1]) ? 'yes' : 'no'
    }
    return /^(EHLO|HELO|LHLO) /i.test(line) ? 'yes' : 'no'
  },
  create: (conversation) => new SmtpDissector(conversation),
}

class SmtpDissector implements StreamDissector {
  private readonly conversation: Conversation
  private readonly lines = [new LineReader(), new LineReader()] as const
  private startUs = -1
  private helo: string | undefined
  private from: string | undefined
  private to: string[] = []
  private user: string | undefined
  private lastReply = ''
  private awaitsData = false
  private awaits: 'AUTH' | 'STARTTLS' | 'DATA' | undefined
  private mail: MailReader | undefined
  /** Steps of AUTH LOGIN that are still to come from the client. */
  private authSteps = 0
  private isOver = false

  constructor(conversation: Conversation) {
    this.conversation = conversation
  }

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    this.lines[side].push(bytes, start, end, (line) => {
      if (side === 1) this.reply(line, timeUs)
      else if (this.mail) this.content(line, timeUs)
      else this.command(line, timeUs)
      return !this.isOver
    })
    return true
  }

  private command(line: string, timeUs: number): void {
    if (this.authSteps > 0) {
      if (this.authSteps === 2) this.user = Buffer.from(line, 'base64').toString('utf8').slice(0, 256)
      this.authSteps--
      return
    }
    const [, verb = '', argument = ''] = /^([A-Za-z]+)\s*(.*)$/.exec(line) ?? []
    switch (verb.toUpperCase()) {
      case 'HELO':
      case 'EHLO':
      case 'LHLO':
        this.helo = argument.slice(0, 256)
        break
      case 'MAIL':
        this.startUs = timeUs
        this.from = address(argument)
        this.to = []
        break
      case 'RCPT':
        if (this.to.length < recipientLimit) this.to.push(address(argument))
        break
      case 'AUTH':
        this.awaits = 'AUTH'
        this.auth(argument)
        break
      case 'STARTTLS':
        this.awaits = 'STARTTLS'
        break
      case 'DATA':
        this.awaits = 'DATA'
        break
      case 'BDAT':
        // Chunks of binary data cannot be read by lines.
        this.tell(timeUs, undefined)
        this.isOver = true
        break
    }
  }

  private auth(argument: string): void {
    const [method = '', initial] = argument.split(/\s+/)
    if (/^PLAIN$/i.test(method) && initial !== undefined) {
      this.user = Buffer.from(initial, 'base64').toString('utf8').split('\0')[1]?.slice(0, 256)
    } else if (/^LOGIN$/i.test(method)) {
      this.authSteps = initial === undefined ? 2 : 1
      if (initial !== undefined) this.user = Buffer.from(initial, 'base64').toString('utf8').slice(0, 256)
    } else if (/^PLAIN$/i.test(method)) this.authSteps = 1
  }

  private reply(line: string, timeUs: number): void {
    if (!/^\d{3} /.test(line)) return
    const code = Number(line.slice(0, 3))
    this.lastReply = line.slice(0, 256)
    if (this.awaits === 'DATA' && code === 354) {
      this.mail = new MailReader(this.conversation, 'smtp', timeUs)
      this.awaits = undefined
    } else if (this.awaits === 'STARTTLS') {
      this.awaits = undefined
      if (code === 220) this.conversation.restart()
    } else if (this.awaits === 'AUTH' && code !== 334) {
      this.awaits = undefined
      this.authSteps = 0
      const fields: Fields = {
        'event.action': 'AUTH',
        'event.outcome': code === 235 ? 'success' : 'failure',
        'traffic.cleartext_password': true,
      }
      if (this.user !== undefined) fields['user.name'] = this.user
      this.conversation.emit('smtp', timeUs, fields)
    } else if (this.awaitsData) {
      this.awaitsData = false
      this.tell(timeUs, code)
    }
  }

  private content(line: string, timeUs: number): void {
    if (line !== '.') {
      this.mail!.line(line.startsWith('..') ? line.slice(1) : line)
      return
    }
    this.mail!.end(timeUs)
    this.finished = this.mail!.fields()
    this.mail = undefined
    this.awaitsData = true
  }

  private finished: Fields = {}

  private tell(timeUs: number, code: number | undefined): void {
    if (this.from === undefined && this.to.length === 0) return
    const fields: Fields = {
      'email.direction': 'unknown',
      ...this.finished,
      ...(this.helo === undefined ? {} : { 'zeek.helo': this.helo }),
      ...(this.user === undefined ? {} : { 'user.name': this.user }),
      'zeek.mailfrom': this.from ?? '',
      'zeek.rcptto': this.to,
      ...(this.lastReply === '' ? {} : { 'zeek.last_reply': this.lastReply }),
      ...(code === undefined ? {} : { 'event.outcome': code < 400 ? 'success' : 'failure' }),
    }
    fields['email.from.address'] ??= this.from ?? ''
    fields['email.to.address'] ??= this.to
    this.conversation.emit('smtp', this.startUs < 0 ? timeUs : this.startUs, fields)
    this.from = undefined
    this.to = []
    this.finished = {}
  }

  gap(): boolean {
    return false
  }

  end(timeUs: number): void {
    if (this.mail) {
      this.mail.end(timeUs)
      this.finished = this.mail.fields()
    }
    this.tell(timeUs, undefined)
  }
}

function address(argument: string): string {
  return (/<([^>]*)>/.exec(argument)?.[1] ?? argument.replace(/^(from|to):\s*/i, '')).slice(0, 320)
}
