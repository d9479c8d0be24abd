import type { Fields } from '../../event/event.ts'
import { latin1 } from '../../lib/binary.ts'
import type { Side } from '../record.ts'
import type { Conversation, FirstBytes, Recognition, StreamDissector, StreamProtocol } from '../stream/conversation.ts'
import { LineReader } from '../stream/line-reader.ts'

/** Commands that are worth a record; others change the state only. */
const toldCommands = new Set([
  'PASS', 'STOR', 'RETR', 'APPE', 'STOU', 'DELE', 'RMD', 'MKD', 'RNFR', 'RNTO', 'SITE', 'LIST', 'NLST', 'MLSD', 'PORT', 'PASV',
  'EPRT', 'EPSV', 'AUTH', 'CWD',
]) // biome-ignore format: a list

/** FTP control connections (RFC 959): who signs in, and what is asked for. */
export const ftp: StreamProtocol = {
  name: 'ftp',
  recognise({ side, bytes, start, end, ports }: FirstBytes): Recognition {
    const line = latin1(bytes, start, Math.min(end, start + 128))
    if (side === 1) {
      if (!/^220[ -]/.test(line)) return line.length < 4 && '220'.startsWith(line.slice(0, 3)) ? 'more' : 'no'
      // Mail servers greet with 220 too; they name themselves or their port does.
      return (ports[1] === 21 || /ftp/i.test(line)) && !/smtp|mail/i.test(line) ? 'yes' : 'no'
    }
    return /^(USER|AUTH TLS|FEAT|SYST)\b/i.test(line) && ports[1] !== 110 ? 'yes' : 'no'
  },
  create: (conversation) => new FtpDissector(conversation),
}

interface Asked {
  command: string
  argument: string
  timeUs: number
}

class FtpDissector implements StreamDissector {
  private readonly conversation: Conversation
  private readonly lines = [new LineReader(), new LineReader()] as const
  private asked: Asked | undefined
  private user: string | undefined

  constructor(conversation: Conversation) {
    this.conversation = conversation
  }

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    this.lines[side].push(bytes, start, end, (line) => {
      if (side === 0) this.command(line, timeUs)
      else if (/^\d{3} /.test(line)) this.reply(line)
      return true
    })
    return true
  }

  private command(line: string, timeUs: number): void {
    this.tell(undefined)
    const [, command = '', argument = ''] = /^([A-Za-z]{3,4})(?: (.*))?$/.exec(line) ?? []
    if (command === '') return
    this.asked = { command: command.toUpperCase(), argument, timeUs }
    if (this.asked.command === 'USER') this.user = argument.slice(0, 256)
  }

  private reply(line: string): void {
    const code = Number(line.slice(0, 3))
    const { asked } = this
    // The end of a transfer comes as a second reply to its command.
    if (code >= 100 && code < 200) return
    this.tell({ code, text: line.slice(4, 260) })
    if (asked?.command === 'AUTH' && code === 234) this.conversation.restart()
  }

  private tell(reply: { code: number; text: string } | undefined): void {
    const { asked } = this
    this.asked = undefined
    if (!asked || !toldCommands.has(asked.command)) return
    const isSecret = asked.command === 'PASS'
    const fields: Fields = { 'event.action': asked.command, 'zeek.command': asked.command }
    if (this.user !== undefined) fields['user.name'] = this.user
    if (!isSecret && asked.argument !== '') {
      fields['zeek.arg'] = asked.argument.slice(0, 1_024)
      if (/^(STOR|RETR|APPE|DELE|RNFR|RNTO)$/.test(asked.command)) fields['file.path'] = asked.argument.slice(0, 1_024)
    }
    if (isSecret) fields['traffic.cleartext_password'] = asked.argument !== ''
    if (reply) {
      fields['zeek.reply_code'] = reply.code
      fields['zeek.reply_msg'] = reply.text
      fields['event.outcome'] = reply.code < 400 ? 'success' : 'failure'
    }
    this.conversation.emit('ftp', asked.timeUs, fields)
  }

  gap(): boolean {
    return true
  }

  end(): void {
    this.tell(undefined)
  }
}
