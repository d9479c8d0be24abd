import type { DatagramProtocol, StreamProtocol } from '../stream/conversation.ts'
import { dnsDatagrams, dnsStream } from './dns.ts'
import { http } from './http.ts'
import { tls } from './tls.ts'

/** Every protocol over TCP, in the order in which the first bytes of a conversation are tried. */
export const streamProtocols: readonly StreamProtocol[] = [tls, http, dnsStream]

/** Every protocol over UDP, in the same sense. */
export const datagramProtocols: readonly DatagramProtocol[] = [dnsDatagrams]
