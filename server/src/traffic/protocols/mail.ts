import type { Fields } from '../../event/event.ts'
import type { Conversation, FileSink } from '../stream/conversation.ts'

const headerLimit = 200
const partDepthLimit = 8
const attachmentLimit = 100

/** Reads a mail line by line (RFC 5322, MIME): its headers, and its parts as files. */
export class MailReader {
  private readonly conversation: Conversation
  private readonly protocol: string
  private readonly timeUs: number
  private readonly headers = new Map<string, string>()
  private lastHeader = ''
  private isInHeaders = true
  private readonly boundaries: string[] = []
  /** Headers of the part that is read. */
  private part = new Map<string, string>()
  private isInPartHeaders = false
  private sink: FileSink | undefined
  private encoding = ''
  private base64Rest = ''
  private readonly attachments: string[] = []
  private bytes = 0

  constructor(conversation: Conversation, protocol: string, timeUs: number) {
    this.conversation = conversation
    this.protocol = protocol
    this.timeUs = timeUs
  }

  line(line: string): void {
    this.bytes += line.length + 2
    if (this.isInHeaders || this.isInPartHeaders) {
      this.headerLine(line)
      return
    }
    if (line.startsWith('--')) {
      const boundary = this.boundaries.find((known) => line.startsWith(`--${known}`))
      if (boundary !== undefined) {
        this.closePart()
        this.isInPartHeaders = !line.startsWith(`--${boundary}--`)
        this.part = new Map()
        this.lastHeader = ''
        return
      }
    }
    if (this.sink) this.body(line)
  }

  private headerLine(line: string): void {
    const into = this.isInHeaders ? this.headers : this.part
    if (line === '') {
      this.isInHeaders = false
      this.isInPartHeaders = false
      this.begin(into)
      return
    }
    if (/^[ \t]/.test(line) && this.lastHeader !== '') {
      into.set(this.lastHeader, `${into.get(this.lastHeader)} ${line.trim()}`.slice(0, 8_192))
      return
    }
    const colon = line.indexOf(':')
    if (colon <= 0 || into.size >= headerLimit) return
    this.lastHeader = line.slice(0, colon).trim().toLowerCase()
    into.set(this.lastHeader, line.slice(colon + 1).trim())
  }

  /** The headers of the mail or of a part are read: what follows is parts, or a body. */
  private begin(headers: Map<string, string>): void {
    const type = headers.get('content-type') ?? 'text/plain'
    const boundary = /boundary\s*=\s*(?:"([^"]+)"|([^\s;]+))/i.exec(type)
    if (/^multipart\//i.test(type) && boundary && this.boundaries.length < partDepthLimit) {
      this.boundaries.unshift(boundary[1] ?? boundary[2]!)
      return
    }
    const disposition = headers.get('content-disposition') ?? ''
    const name = decodeWords(
      /filename\*?\s*=\s*(?:"([^"]*)"|([^\s;]+))/i.exec(disposition)?.slice(1).find(Boolean) ??
        /name\s*=\s*(?:"([^"]*)"|([^\s;]+))/i.exec(type)?.slice(1).find(Boolean),
    )
    this.encoding = (headers.get('content-transfer-encoding') ?? '').trim().toLowerCase()
    this.base64Rest = ''
    if (name !== undefined && this.attachments.length < attachmentLimit) this.attachments.push(name)
    this.sink = this.conversation.openFile({
      protocol: this.protocol,
      side: 0,
      timeUs: this.timeUs,
      claimedType: type.split(';')[0]!.trim().toLowerCase(),
      ...(name === undefined ? {} : { name }),
    })
  }

  private body(line: string): void {
    let bytes: Buffer
    if (this.encoding === 'base64') {
      const whole = this.base64Rest + line.trim()
      const usable = whole.length - (whole.length % 4)
      this.base64Rest = whole.slice(usable)
      bytes = Buffer.from(whole.slice(0, usable), 'base64')
    } else if (this.encoding === 'quoted-printable') bytes = quotedPrintable(line)
    else bytes = Buffer.from(`${line}\r\n`, 'utf8')
    this.sink!.data(bytes, 0, bytes.length)
  }

  private closePart(): void {
    if (this.base64Rest !== '' && this.sink) {
      const bytes = Buffer.from(this.base64Rest, 'base64')
      this.sink.data(bytes, 0, bytes.length)
    }
    this.base64Rest = ''
    this.sink?.end(this.timeUs)
    this.sink = undefined
  }

  end(_timeUs: number): void {
    this.closePart()
  }

  fields(): Fields {
    const get = (name: string) => decodeWords(this.headers.get(name))
    const fields: Fields = { 'traffic.mail.bytes': this.bytes }
    const subject = get('subject')
    if (subject !== undefined) fields['email.subject'] = subject.slice(0, 1_024)
    const from = get('from')
    if (from !== undefined) fields['email.from.address'] = addresses(from)
    const to = get('to')
    if (to !== undefined) fields['email.to.address'] = addresses(to)
    const id = get('message-id')
    if (id !== undefined) fields['email.message_id'] = id.replace(/^<|>$/g, '').slice(0, 512)
    const agent = get('x-mailer') ?? get('user-agent')
    if (agent !== undefined) fields['email.x_mailer'] = agent.slice(0, 256)
    const reply = get('reply-to')
    if (reply !== undefined) fields['email.reply_to.address'] = addresses(reply)
    if (this.attachments.length > 0) fields['email.attachments.file.name'] = this.attachments
    return fields
  }
}

function addresses(text: string): string[] {
  const found = text.match(/[^\s<>",;:]+@[^\s<>",;]+/g) ?? []
  return found.length > 0 ? found.slice(0, 100) : [text.slice(0, 320)]
}

/** Encoded words of RFC 2047: `=?utf-8?B?...?=`, `=?gb2312?Q?...?=`. */
function decodeWords(text: string | undefined): string | undefined {
  return text?.replace(
    /=\?([\w-]+)\?([BQ])\?([^?]*)\?=\s*/gi,
    (whole, charset: string, kind: string, coded: string) => {
      const bytes =
        kind.toUpperCase() === 'B' ? Buffer.from(coded, 'base64') : quotedPrintable(coded.replaceAll('_', ' '), true)
      try {
        return new TextDecoder(charset).decode(bytes)
      } catch {
        // A charset nobody knows: the word stands as it was sent.
        return whole
      }
    },
  )
}

function quotedPrintable(line: string, isWord = false): Buffer {
  const isSoft = line.endsWith('=')
  const text = isSoft ? line.slice(0, -1) : line
  const octets: number[] = []
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const pair = code === 61 ? Number.parseInt(text.slice(at + 1, at + 3), 16) : Number.NaN
    if (Number.isNaN(pair)) octets.push(...Buffer.from(text[at]!, 'utf8'))
    else {
      octets.push(pair)
      at += 2
    }
  }
  if (!isWord && !isSoft) octets.push(13, 10)
  return Buffer.from(octets)
}
