import { u24be } from '../../lib/binary.ts'
import type { Side } from '../record.ts'
import type { Conversation, FirstBytes, Recognition, StreamDissector, StreamProtocol } from '../stream/conversation.ts'
import { Framer } from '../stream/framer.ts'
import { Smb1 } from './smb1.ts'
import { Smb2 } from './smb2.ts'

/** MS-SMB2 section 2.2.4: what a server takes at most, 8 MiB, and headers. */
const messageBytesLimit = 8 * 1_048_576 + 65_536
const frameHeaderBytes = 4
const sessionMessage = 0

const magic = { smb1: 0xff, smb2: 0xfe, encrypted: 0xfd, compressed: 0xfc } as const

/** SMB over TCP, straight (445) or in NetBIOS sessions (139): RFC 1002 frames around SMB 1, 2 and 3. */
export const smb: StreamProtocol = {
  name: 'smb',
  recognise({ bytes, start, end }: FirstBytes): Recognition {
    const type = bytes[start]!
    // A NetBIOS session request (0x81) and its answer come first on port 139.
    if (type === 0x81 && end - start >= 72) return u24be(bytes, start + 1) === 68 ? 'yes' : 'no'
    if (type === 0x82 && end - start === 4) return 'yes'
    if (type !== sessionMessage) return 'no'
    if (end - start < 8) return 'more'
    return isSmb(bytes, start + 4) ? 'yes' : 'no'
  },
  create: (conversation) => new SmbDissector(conversation),
}

function isSmb(bytes: Uint8Array, at: number): boolean {
  return bytes[at]! >= magic.compressed && bytes[at + 1] === 0x53 && bytes[at + 2] === 0x4d && bytes[at + 3] === 0x42
}

class SmbDissector implements StreamDissector {
  private readonly framers: [Framer, Framer]
  private readonly smb1: Smb1
  private readonly smb2: Smb2
  private isHidden = false

  constructor(conversation: Conversation) {
    this.smb1 = new Smb1(conversation)
    this.smb2 = new Smb2(conversation)
    const rule = {
      headerBytes: frameHeaderBytes,
      limitBytes: messageBytesLimit,
      lengthOf: (bytes: Uint8Array, at: number) =>
        bytes[at] === sessionMessage || (bytes[at]! >= 0x81 && bytes[at]! <= 0x85)
          ? frameHeaderBytes + u24be(bytes, at + 1)
          : -1,
    }
    this.framers = [new Framer(rule), new Framer(rule)]
  }

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    const isFramed = this.framers[side].push(bytes, start, end, (source, from, to) => {
      this.message(side, source, from + frameHeaderBytes, to, timeUs)
    })
    return isFramed && !this.isHidden
  }

  private message(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    if (end - start < 32 || !isSmb(bytes, start)) return
    if (bytes[start] === magic.smb1) this.smb1.message(side, bytes, start, end, timeUs)
    else if (bytes[start] === magic.smb2) this.smb2.messages(side, bytes, start, end, timeUs)
    else if (bytes[start] === magic.encrypted) {
      this.smb2.tellEncrypted(timeUs)
      this.isHidden = true
    }
  }

  gap(): boolean {
    // The next frame's beginning cannot be known.
    return false
  }

  end(timeUs: number): void {
    this.smb1.end(timeUs)
    this.smb2.end(timeUs)
  }
}
