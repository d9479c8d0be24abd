import type { DatagramProtocol, StreamProtocol } from '../stream/conversation.ts'
import { mssql, mysql, postgresql, redis } from './databases.ts'
import {
  bittorrentTable,
  dhcp,
  dtls,
  ike,
  l2tp,
  netbiosNames,
  ntp,
  openvpn,
  sip,
  snmp,
  ssdp,
  tftp,
  wireguard,
} from './datagrams.ts'
import { dceRpc } from './dce-rpc.ts'
import { dnsDatagrams, dnsStream } from './dns.ts'
import { ftp } from './ftp.ts'
import { http } from './http.ts'
import { bacnet, dnp3, iec104, modbus, s7 } from './industrial.ts'
import { kerberosDatagrams, kerberosStream } from './kerberos.ts'
import { imap, pop3 } from './mailbox.ts'
import { quic } from './quic.ts'
import { rdp } from './rdp.ts'
import { bittorrent, irc, ldap, socks, stratum, telnet } from './sessions.ts'
import { smb } from './smb.ts'
import { smtp } from './smtp.ts'
import { ssh } from './ssh.ts'
import { tls } from './tls.ts'

/**
 * Every protocol over TCP, in the order in which the first bytes of a conversation are tried: what is common and sure
 * first, what needs a hint from the port last.
 */
export const streamProtocols: readonly StreamProtocol[] = [
  tls,
  http,
  ssh,
  smb,
  dceRpc,
  rdp,
  kerberosStream,
  ldap,
  stratum,
  bittorrent,
  smtp,
  ftp,
  pop3,
  imap,
  irc,
  mysql,
  postgresql,
  mssql,
  redis,
  socks,
  dnp3,
  iec104,
  s7,
  modbus,
  telnet,
  dnsStream,
]

/** Every protocol over UDP, in the same sense. */
export const datagramProtocols: readonly DatagramProtocol[] = [
  quic,
  kerberosDatagrams,
  dtls,
  dhcp,
  sip,
  ssdp,
  snmp,
  ntp,
  netbiosNames,
  ike,
  l2tp,
  wireguard,
  openvpn,
  bacnet,
  tftp,
  bittorrentTable,
  dnsDatagrams,
]
