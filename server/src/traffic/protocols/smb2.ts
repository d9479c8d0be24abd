import { hex, u16le, u32le, utf16le } from '../../lib/binary.ts'
import type { Side } from '../record.ts'
import type { Conversation } from '../stream/conversation.ts'
import { findNtlm, type NtlmMessage, ntlmFields } from './ntlm.ts'
import { failureFields, type OpenFile, SmbFiles } from './smb-files.ts'

const command = {
  negotiate: 0, sessionSetup: 1, treeConnect: 3, create: 5, close: 6, read: 8, write: 9, ioctl: 11, setInfo: 17,
} as const // biome-ignore format: a list
const headerBytes = 64
const statusMoreProcessing = 0xc0000016
const statusPending = 0x103
const waitingLimit = 8_192
const pipeTransceive = 0x0011c017
const deleteOnClose = 0x1000
const fileInfo = { rename: 10, disposition: 13, dispositionEx: 64 } as const

const dialects: Record<number, string> = {
  514: '2.0.2',
  528: '2.1',
  767: '2.?',
  768: '3.0',
  770: '3.0.2',
  785: '3.1.1',
}

interface Waiting {
  command: number
  name?: string
  file?: OpenFile
  key?: string
  offset?: number
  isDeleteOnClose?: boolean
}

/** SMB 2 and 3 (MS-SMB2 section 2.2) as far as it is not encrypted. */
export class Smb2 {
  private readonly conversation: Conversation
  private readonly files: SmbFiles
  /** Message id of a request -> what it asked. */
  private readonly waiting = new Map<string, Waiting>()
  /** Tree id -> share. */
  private readonly shares = new Map<number, string>()
  private dialect: string | undefined
  private ntlmClient: NtlmMessage | undefined
  private ntlmServer: NtlmMessage | undefined
  private lastKey: string | undefined

  constructor(conversation: Conversation) {
    this.conversation = conversation
    this.files = new SmbFiles(conversation)
  }

  /** A frame may hold several messages, each telling where the next begins. */
  messages(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    let at = start
    for (let count = 0; count < 64 && end - at >= headerBytes; count++) {
      const next = u32le(bytes, at + 20)
      const stop = next >= headerBytes && at + next <= end ? at + next : end
      const isAnswer = (bytes[at + 16]! & 1) === 1
      if (isAnswer === (side === 1)) this.message(isAnswer, bytes, at, stop, timeUs)
      if (stop === end) return
      at = stop
    }
  }

  tellEncrypted(timeUs: number): void {
    this.files.tell(
      'SMB::ENCRYPTED',
      timeUs,
      '',
      undefined,
      this.dialect === undefined ? {} : { 'traffic.smb.dialect': this.dialect },
    )
  }

  end(timeUs: number): void {
    this.files.end(timeUs)
  }

  private message(isAnswer: boolean, bytes: Uint8Array, header: number, end: number, timeUs: number): void {
    const id = hex(bytes, header + 24, header + 32)
    if (!isAnswer) {
      const waiting = this.request(bytes, header, end, timeUs)
      if (!waiting) return
      if (this.waiting.size >= waitingLimit) this.waiting.delete(this.waiting.keys().next().value!)
      this.waiting.set(id, waiting)
      return
    }
    const status = u32le(bytes, header + 8)
    if (status === statusPending) return
    const waiting = this.waiting.get(id)
    this.waiting.delete(id)
    this.answer(waiting, status, bytes, header, end, timeUs)
  }

  private request(bytes: Uint8Array, header: number, end: number, timeUs: number): Waiting | undefined {
    const kind = u16le(bytes, header + 12)
    const at = header + headerBytes
    const fits = (length: number) => end - at >= length
    switch (kind) {
      case command.negotiate:
        return { command: kind }
      case command.sessionSetup: {
        if (!fits(16)) return undefined
        const message = this.securityBuffer(bytes, header, end, at + 12)
        if (message?.type === 3) this.ntlmClient = message
        return { command: kind }
      }
      case command.treeConnect:
        return fits(8) ? { command: kind, name: this.name(bytes, header, end, at + 4) } : undefined
      case command.create:
        if (!fits(48)) return undefined
        return {
          command: kind,
          name: this.name(bytes, header, end, at + 44),
          isDeleteOnClose: (u32le(bytes, at + 40) & deleteOnClose) !== 0,
        }
      case command.close: {
        const key = fits(24) ? this.key(bytes, at + 8) : undefined
        const file = key === undefined ? undefined : this.files.open.get(key)
        if (key !== undefined && file) this.files.close(key, file, timeUs)
        return undefined
      }
      case command.read: {
        const file = fits(32) ? this.files.open.get(this.key(bytes, at + 16)) : undefined
        return file && { command: kind, file, offset: offset64(bytes, at + 8) }
      }
      case command.write: {
        const file = fits(32) ? this.files.open.get(this.key(bytes, at + 16)) : undefined
        const start = header + u16le(bytes, at + 2)
        const stop = start + u32le(bytes, at + 4)
        if (file && stop <= end) this.files.transfer(file, false, offset64(bytes, at + 8), bytes, start, stop, timeUs)
        return undefined
      }
      case command.ioctl: {
        const file =
          fits(32) && u32le(bytes, at + 4) === pipeTransceive ? this.files.open.get(this.key(bytes, at + 8)) : undefined
        if (!file) return undefined
        const start = header + u32le(bytes, at + 24)
        const stop = start + u32le(bytes, at + 28)
        if (stop <= end) this.files.transfer(file, false, 0, bytes, start, stop, timeUs)
        return { command: kind, file }
      }
      case command.setInfo:
        this.setInfo(bytes, header, at, end, timeUs)
        return undefined
      default:
        return undefined
    }
  }

  private setInfo(bytes: Uint8Array, header: number, at: number, end: number, timeUs: number): void {
    if (end - at < 32 || bytes[at + 2] !== 1) return
    const file = this.files.open.get(this.key(bytes, at + 16))
    const start = header + u16le(bytes, at + 8)
    if (!file || start >= end) return
    const kind = bytes[at + 3]
    if (kind === fileInfo.rename && end - start >= 20) {
      const length = u32le(bytes, start + 16)
      if (start + 20 + length > end) return
      const name = utf16le(bytes, start + 20, start + 20 + length)
      this.files.tell('SMB::FILE_RENAME', timeUs, file.share, name, { 'zeek.prev_name': file.name })
      file.name = name
    } else if ((kind === fileInfo.disposition || kind === fileInfo.dispositionEx) && bytes[start]! & 1)
      this.files.tellOnce(file, 'SMB::FILE_DELETE', timeUs)
  }

  private answer(
    waiting: Waiting | undefined,
    status: number,
    bytes: Uint8Array,
    header: number,
    end: number,
    timeUs: number,
  ): void {
    const kind = u16le(bytes, header + 12)
    const at = header + headerBytes
    if (kind === command.sessionSetup) {
      this.sessionAnswer(status, bytes, header, end, at, timeUs)
      return
    }
    if (kind === command.negotiate && status === 0 && end - at >= 6)
      this.dialect = dialects[u16le(bytes, at + 4)] ?? `0x${u16le(bytes, at + 4).toString(16)}`
    if (!waiting) return
    const tree = u32le(bytes, header + 36)
    const failure = failureFields(status)
    if (kind === command.treeConnect && waiting.name !== undefined) {
      if (status === 0) this.shares.set(tree, waiting.name)
      const shareTypes = ['', 'DISK', 'PIPE', 'PRINT']
      const type = status === 0 && end - at >= 3 ? shareTypes[bytes[at + 2]!] : undefined
      this.files.tell('SMB::TREE_CONNECT', timeUs, waiting.name, undefined, {
        ...(type ? { 'zeek.share_type': type } : {}),
        ...(this.dialect === undefined ? {} : { 'traffic.smb.dialect': this.dialect }),
        ...failure,
      })
    } else if (kind === command.create && waiting.name !== undefined) {
      const share = this.shares.get(tree) ?? ''
      if (status !== 0 || end - at < 80) {
        if (waiting.name !== '') this.files.tell('SMB::FILE_OPEN', timeUs, share, waiting.name, failure)
        return
      }
      const key = this.key(bytes, at + 64)
      this.lastKey = key
      const file = this.files.opened(key, share, waiting.name, timeUs, offset64(bytes, at + 48), 'SMB::FILE_OPEN')
      if (waiting.isDeleteOnClose) this.files.tellOnce(file, 'SMB::FILE_DELETE', timeUs)
    } else if (kind === command.read && waiting.file && status === 0 && end - at >= 16) {
      const start = header + bytes[at + 2]!
      const stop = start + u32le(bytes, at + 4)
      if (stop <= end) this.files.transfer(waiting.file, true, waiting.offset ?? 0, bytes, start, stop, timeUs)
    } else if (kind === command.ioctl && waiting.file && end - at >= 48) {
      const start = header + u32le(bytes, at + 32)
      const stop = start + u32le(bytes, at + 36)
      if (stop <= end) this.files.transfer(waiting.file, true, 0, bytes, start, stop, timeUs)
    }
  }

  private sessionAnswer(
    status: number,
    bytes: Uint8Array,
    header: number,
    end: number,
    at: number,
    timeUs: number,
  ): void {
    const message = end - at >= 8 ? this.securityBuffer(bytes, header, end, at + 4) : undefined
    if (message?.type === 2) this.ntlmServer = message
    if (status === statusMoreProcessing || !this.ntlmClient) return
    this.conversation.emit('ntlm', timeUs, ntlmFields(this.ntlmClient, this.ntlmServer, status === 0))
    if (status === 0) {
      const { user, domain } = this.ntlmClient
      this.files.user = {
        ...(user === undefined ? {} : { 'user.name': user }),
        ...(domain === undefined ? {} : { 'user.domain': domain }),
      }
    }
    this.ntlmClient = undefined
  }

  private securityBuffer(bytes: Uint8Array, header: number, end: number, at: number): NtlmMessage | undefined {
    const start = header + u16le(bytes, at)
    const stop = start + u16le(bytes, at + 2)
    return stop <= end ? findNtlm(bytes, start, stop) : undefined
  }

  /** A name whose offset from the header and length stand at `at`. */
  private name(bytes: Uint8Array, header: number, end: number, at: number): string {
    const start = header + u16le(bytes, at)
    const stop = start + u16le(bytes, at + 2)
    return stop <= end ? utf16le(bytes, start, stop) : ''
  }

  /** A file id; all ones stand for the file that the message before in the frame opened. */
  private key(bytes: Uint8Array, at: number): string {
    const key = hex(bytes, at, at + 16)
    return key === 'f'.repeat(32) ? (this.lastKey ?? key) : key
  }
}

/** An offset of 64 bits; beyond 2^53 nothing is carved. */
function offset64(bytes: Uint8Array, at: number): number {
  return u32le(bytes, at + 4) * 4_294_967_296 + u32le(bytes, at)
}
