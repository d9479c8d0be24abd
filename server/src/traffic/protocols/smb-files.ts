import type { Fields } from '../../event/event.ts'
import type { Side } from '../record.ts'
import type { Conversation, FileSink } from '../stream/conversation.ts'
import { DceRpc } from './dce-rpc.ts'

const openLimit = 4_096

/** Outcome and status of an answer (MS-ERREF section 2.3); nothing for success. */
export function failureFields(status: number): Fields {
  if (status === 0) return {}
  return { 'event.outcome': 'failure', 'traffic.smb.status': `0x${status.toString(16).padStart(8, '0')}` }
}

/** A file or pipe that is open. */
export interface OpenFile {
  name: string
  share: string
  isPipe: boolean
  size: number | undefined
  rpc: DceRpc | undefined
  /** What is read from and written to it, as far as it goes in order from the beginning. */
  sinks: [read: Transfer | undefined, written: Transfer | undefined]
  told: Set<string>
}

interface Transfer {
  sink: FileSink
  next: number
}

/** The files of one SMB session and what is done with them; the same for all versions of the protocol. */
export class SmbFiles {
  readonly open = new Map<string, OpenFile>()
  user: Fields = {}
  private readonly conversation: Conversation

  constructor(conversation: Conversation) {
    this.conversation = conversation
  }

  tell(action: string, timeUs: number, share: string, name: string | undefined, more: Fields = {}): void {
    this.conversation.emit('smb', timeUs, {
      'event.action': action,
      'zeek.action': action,
      ...(share === '' ? {} : { 'zeek.path': share }),
      ...(name === undefined
        ? {}
        : { 'zeek.name': name, 'file.path': name, 'file.name': name.slice(name.lastIndexOf('\\') + 1) }),
      ...this.user,
      ...more,
    })
  }

  opened(key: string, share: string, name: string, timeUs: number, size: number | undefined, action: string): OpenFile {
    const isPipe = /\\IPC\$$/i.test(share)
    const file: OpenFile = {
      name,
      share,
      isPipe,
      size,
      rpc: isPipe ? new DceRpc(this.conversation, name) : undefined,
      sinks: [undefined, undefined],
      told: new Set(),
    }
    if (this.open.size >= openLimit) {
      const [oldest, waiting] = this.open.entries().next().value!
      this.close(oldest, waiting, timeUs)
    }
    this.open.set(key, file)
    this.tell(isPipe ? 'SMB::PIPE_OPEN' : action, timeUs, share, name, size === undefined ? {} : { 'file.size': size })
    return file
  }

  /** Bytes read from (`isRead`) or written to a file. */
  transfer(
    file: OpenFile,
    isRead: boolean,
    offset: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    timeUs: number,
  ): void {
    if (file.rpc) {
      file.rpc.data(isRead ? 1 : 0, bytes, start, end, timeUs)
      return
    }
    this.tellOnce(file, isRead ? 'SMB::FILE_READ' : 'SMB::FILE_WRITE', timeUs)
    const which = isRead ? 0 : 1
    let transfer = file.sinks[which]
    if (!transfer) {
      const side: Side = isRead ? 1 : 0
      const sink = this.conversation.openFile({
        protocol: 'smb',
        side,
        timeUs,
        name: file.name,
        fields: { 'zeek.path': file.share },
      })
      transfer = { sink, next: 0 }
      file.sinks[which] = transfer
    }
    // What is read twice is the same; what is skipped leaves a hole.
    if (offset + (end - start) <= transfer.next) return
    if (offset > transfer.next) transfer.sink.gap(offset - transfer.next)
    const from = offset < transfer.next ? start + (transfer.next - offset) : start
    transfer.sink.data(bytes, from, end)
    transfer.next = offset + (end - start)
  }

  tellOnce(file: OpenFile, action: string, timeUs: number, more: Fields = {}): void {
    if (file.told.has(action)) return
    file.told.add(action)
    this.tell(action, timeUs, file.share, file.name, more)
  }

  close(key: string, file: OpenFile, timeUs: number): void {
    this.open.delete(key)
    for (const transfer of file.sinks) transfer?.sink.end(timeUs)
  }

  end(timeUs: number): void {
    for (const [key, file] of this.open) this.close(key, file, timeUs)
  }
}
