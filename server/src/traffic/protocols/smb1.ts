import { latin1, u16le, u32le, utf16le } from '../../lib/binary.ts'
import type { Side } from '../record.ts'
import type { Conversation } from '../stream/conversation.ts'
import { findNtlm, type NtlmMessage, ntlmFields } from './ntlm.ts'
import { failureFields, type OpenFile, SmbFiles } from './smb-files.ts'

const command = {
  close: 0x04, delete: 0x06, rename: 0x07, transaction: 0x25, read: 0x2e, write: 0x2f, negotiate: 0x72, sessionSetup: 0x73,
  treeConnect: 0x75, create: 0xa2,
} as const // biome-ignore format: a list
const headerBytes = 32
const waitingLimit = 4_096
const isUnicodeFlag = 0x8000
const transactPipe = 0x26

interface Waiting {
  name?: string
  file?: OpenFile
  offset?: number
}

/** SMB 1 (MS-CIFS, MS-SMB): sign-ins, shares, files and pipes. */
export class Smb1 {
  private readonly conversation: Conversation
  private readonly files: SmbFiles
  private readonly waiting = new Map<string, Waiting>()
  private readonly shares = new Map<number, string>()
  private ntlmClient: NtlmMessage | undefined
  private ntlmServer: NtlmMessage | undefined
  private told = false

  constructor(conversation: Conversation) {
    this.conversation = conversation
    this.files = new SmbFiles(conversation)
  }

  message(side: Side, bytes: Uint8Array, header: number, end: number, timeUs: number): void {
    const words = header + headerBytes + 1
    const wordCount = bytes[header + headerBytes]!
    const data = words + 2 * wordCount + 2
    const isAnswer = (bytes[header + 9]! & 0x80) !== 0
    if (data > end || isAnswer !== (side === 1)) return
    const message = { bytes, header, words, wordCount, data, end, timeUs }
    // Process, user and multiplex ids together name a request.
    const id = `${u32le(bytes, header + 26)}/${u16le(bytes, header + 30)}/${bytes[header + 4]}`
    if (!isAnswer) {
      const waiting = this.request(message)
      if (!waiting) return
      if (this.waiting.size >= waitingLimit) this.waiting.delete(this.waiting.keys().next().value!)
      this.waiting.set(id, waiting)
      return
    }
    const waiting = this.waiting.get(id)
    this.waiting.delete(id)
    this.answer(message, u32le(bytes, header + 5), waiting)
  }

  end(timeUs: number): void {
    this.files.end(timeUs)
  }

  private request({ bytes, header, words, wordCount, data, end, timeUs }: Message): Waiting | undefined {
    const isUnicode = (u16le(bytes, header + 10) & isUnicodeFlag) !== 0
    const kind = bytes[header + 4]
    const tree = u16le(bytes, header + 24)
    if (kind === command.negotiate && !this.told) {
      // That the first version is spoken at all is worth a record: it should be switched off everywhere.
      this.told = true
      this.files.tell('SMB1::NEGOTIATE', timeUs, '', undefined, { 'traffic.smb.dialect': '1' })
    }
    if (kind === command.sessionSetup) this.sessionSetup(bytes, header, words, wordCount, data, end, isUnicode)
    if (kind === command.sessionSetup) return {}
    if (kind === command.treeConnect && wordCount >= 4)
      return { name: stringAt(bytes, header, data + u16le(bytes, words + 6), end, isUnicode) }
    if (kind === command.create && wordCount >= 24) return { name: stringAt(bytes, header, data, end, isUnicode) }
    if (kind === command.close && wordCount >= 3) {
      const key = String(u16le(bytes, words))
      const file = this.files.open.get(key)
      if (file) this.files.close(key, file, timeUs)
      return undefined
    }
    if (kind === command.read && wordCount >= 10) {
      const file = this.files.open.get(String(u16le(bytes, words + 4)))
      return file && { file, offset: u32le(bytes, words + 6) }
    }
    if (kind === command.write && wordCount >= 12) {
      const file = this.files.open.get(String(u16le(bytes, words + 4)))
      const start = header + u16le(bytes, words + 22)
      const stop = start + u16le(bytes, words + 20) + 65_536 * u16le(bytes, words + 18)
      if (file && stop <= end) this.files.transfer(file, false, u32le(bytes, words + 6), bytes, start, stop, timeUs)
      return undefined
    }
    if (kind === command.transaction && wordCount >= 16 && u16le(bytes, words + 28) === transactPipe) {
      const file = this.files.open.get(String(u16le(bytes, words + 30)))
      const start = header + u16le(bytes, words + 24)
      const stop = start + u16le(bytes, words + 22)
      if (file && stop <= end) this.files.transfer(file, false, 0, bytes, start, stop, timeUs)
      return file && { file }
    }
    if (kind === command.delete)
      this.files.tell(
        'SMB::FILE_DELETE',
        timeUs,
        this.shares.get(tree) ?? '',
        stringAt(bytes, header, data + 1, end, isUnicode),
      )
    if (kind === command.rename)
      this.files.tell(
        'SMB::FILE_RENAME',
        timeUs,
        this.shares.get(tree) ?? '',
        stringAt(bytes, header, data + 1, end, isUnicode),
      )
    return undefined
  }

  private sessionSetup(
    bytes: Uint8Array,
    header: number,
    words: number,
    wordCount: number,
    data: number,
    end: number,
    isUnicode: boolean,
  ): void {
    if (wordCount === 12) {
      const message = findNtlm(bytes, data, Math.min(end, data + u16le(bytes, words + 14)))
      if (message?.type === 3) this.ntlmClient = message
    } else if (wordCount === 13) {
      const secrets = u16le(bytes, words + 14) + u16le(bytes, words + 16)
      const user = stringAt(bytes, header, data + secrets, end, isUnicode)
      if (user !== '') this.ntlmClient = { type: 3, user }
    }
  }

  private answer(
    { bytes, header, words, wordCount, data, end, timeUs }: Message,
    status: number,
    waiting: Waiting | undefined,
  ): void {
    const kind = bytes[header + 4]
    if (kind === command.sessionSetup) {
      const message = findNtlm(bytes, data, end)
      if (message?.type === 2) this.ntlmServer = message
      const isOver = status !== 0xc0000016
      if (!isOver || !this.ntlmClient) return
      this.conversation.emit('ntlm', timeUs, ntlmFields(this.ntlmClient, this.ntlmServer, status === 0))
      const { user, domain } = this.ntlmClient
      if (status === 0)
        this.files.user = {
          ...(user === undefined ? {} : { 'user.name': user }),
          ...(domain === undefined ? {} : { 'user.domain': domain }),
        }
      this.ntlmClient = undefined
      return
    }
    if (!waiting) return
    const failure = failureFields(status)
    const share = this.shares.get(u16le(bytes, header + 24)) ?? ''
    if (kind === command.treeConnect && waiting.name !== undefined) {
      if (status === 0) this.shares.set(u16le(bytes, header + 24), waiting.name)
      this.files.tell('SMB::TREE_CONNECT', timeUs, waiting.name, undefined, { 'traffic.smb.dialect': '1', ...failure })
    } else if (kind === command.create && waiting.name !== undefined) {
      if (status !== 0 || wordCount < 34) this.files.tell('SMB::FILE_OPEN', timeUs, share, waiting.name, failure)
      else
        this.files.opened(
          String(u16le(bytes, words + 5)),
          share,
          waiting.name,
          timeUs,
          u32le(bytes, words + 55),
          'SMB::FILE_OPEN',
        )
    } else if (kind === command.read && waiting.file && status === 0 && wordCount >= 12) {
      const start = header + u16le(bytes, words + 12)
      const stop = start + u16le(bytes, words + 10)
      if (stop <= end) this.files.transfer(waiting.file, true, waiting.offset ?? 0, bytes, start, stop, timeUs)
    } else if (kind === command.transaction && waiting.file && wordCount >= 10) {
      const start = header + u16le(bytes, words + 14)
      const stop = start + u16le(bytes, words + 12)
      if (stop <= end) this.files.transfer(waiting.file, true, 0, bytes, start, stop, timeUs)
    }
  }
}

interface Message {
  bytes: Uint8Array
  header: number
  words: number
  wordCount: number
  data: number
  end: number
  timeUs: number
}

/** A string that ends with NUL; UTF-16 begins at an even distance from the header. */
function stringAt(bytes: Uint8Array, header: number, at: number, end: number, isUnicode: boolean): string {
  if (!isUnicode) {
    let stop = at
    while (stop < end && bytes[stop] !== 0) stop++
    return latin1(bytes, at, stop)
  }
  const start = at + ((at - header) & 1)
  let stop = start
  while (stop + 1 < end && (bytes[stop] !== 0 || bytes[stop + 1] !== 0)) stop += 2
  return utf16le(bytes, start, stop)
}
