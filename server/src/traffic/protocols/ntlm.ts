import type { Fields } from '../../event/event.ts'
import { latin1, u16le, u32le, utf16le } from '../../lib/binary.ts'

const signature = Buffer.from('NTLMSSP\0', 'latin1')
const negotiateUnicode = 1

/** What an NTLMSSP message says (MS-NLMP section 2.2.1); names are those of the accounts, no secret is kept. */
export interface NtlmMessage {
  type: 1 | 2 | 3
  domain?: string
  user?: string
  workstation?: string
  /** Names the server gives itself (type 2). */
  serverName?: string
  serverDomain?: string
}

/** Finds an NTLMSSP message within a security blob, SPNEGO around it or not. */
export function findNtlm(bytes: Uint8Array, start: number, end: number): NtlmMessage | undefined {
  const blob = Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.max(0, end - start))
  const at = blob.indexOf(signature)
  if (at < 0 || blob.length - at < 16) return undefined
  const message = blob.subarray(at)
  const type = u32le(message, 8)
  if (type === 1) return { type }
  if (type === 2) return challenge(message)
  if (type === 3 && message.length >= 64) return authenticate(message)
  return undefined
}

function authenticate(message: Buffer): NtlmMessage {
  const isUnicode = (u32le(message, 60) & negotiateUnicode) !== 0
  const field = (at: number) => {
    const length = u16le(message, at)
    const offset = u32le(message, at + 4)
    if (length === 0 || offset + length > message.length) return undefined
    return isUnicode ? utf16le(message, offset, offset + length) : latin1(message, offset, offset + length)
  }
  const parts = { domain: field(28), user: field(36), workstation: field(44) }
  return { type: 3, ...Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) }
}

function challenge(message: Buffer): NtlmMessage {
  const found: NtlmMessage = { type: 2 }
  if (message.length < 48) return found
  const length = u16le(message, 40)
  let at = u32le(message, 44)
  const end = Math.min(message.length, at + length)
  while (at + 4 <= end) {
    const id = u16le(message, at)
    const size = u16le(message, at + 2)
    if (id === 0 || at + 4 + size > end) break
    const value = utf16le(message, at + 4, at + 4 + size)
    if (id === 1) found.serverName = value
    if (id === 2) found.serverDomain = value
    at += 4 + size
  }
  return found
}

/** Fields of the record of one sign-in; `success` is undefined where the answer was not seen. */
export function ntlmFields(client: NtlmMessage, server: NtlmMessage | undefined, success: boolean | undefined): Fields {
  const fields: Fields = {}
  if (client.user !== undefined) fields['user.name'] = client.user
  if (client.domain !== undefined) fields['user.domain'] = client.domain
  if (client.workstation !== undefined) fields['zeek.hostname'] = client.workstation
  if (server?.serverName !== undefined) fields['zeek.server_nb_computer_name'] = server.serverName
  if (server?.serverDomain !== undefined) fields['traffic.ntlm.server_domain'] = server.serverDomain
  if (success !== undefined) {
    fields['zeek.success'] = success
    fields['event.outcome'] = success ? 'success' : 'failure'
  }
  return fields
}
