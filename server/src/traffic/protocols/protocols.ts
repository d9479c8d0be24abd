import type { DatagramProtocol, StreamProtocol } from '../stream/conversation.ts'
import { dceRpc } from './dce-rpc.ts'
import { dnsDatagrams, dnsStream } from './dns.ts'
import { http } from './http.ts'
import { kerberosDatagrams, kerberosStream } from './kerberos.ts'
import { smb } from './smb.ts'
import { tls } from './tls.ts'

/** Every protocol over TCP, in the order in which the first bytes of a conversation are tried. */
export const streamProtocols: readonly StreamProtocol[] = [tls, http, smb, dceRpc, kerberosStream, dnsStream]

/** Every protocol over UDP, in the same sense. */
export const datagramProtocols: readonly DatagramProtocol[] = [kerberosDatagrams, dnsDatagrams]
