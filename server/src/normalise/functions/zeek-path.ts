import type { SourceValues } from '../run.ts'

/** Names that tell which log a Zeek record is from when it does not say so itself (`_path`), most telling first. */
const signatures: [path: string, names: string[]][] = [
  ['conn', ['conn_state', 'uid']],
  ['dns', ['query', 'trans_id']],
  ['http', ['trans_depth', 'uid', 'resp_mime_types']],
  ['http', ['trans_depth', 'method']],
  ['http', ['trans_depth', 'request_body_len']],
  ['smtp', ['trans_depth', 'path']],
  ['x509', ['certificate.serial']],
  ['ssl', ['uid', 'established', 'cipher']],
  ['ssl', ['uid', 'established']],
  ['files', ['fuid', 'tx_hosts']],
  ['files', ['fuid', 'seen_bytes']],
  ['ssh', ['auth_attempts', 'uid']],
  ['ssh', ['client', 'server', 'uid']],
  ['kerberos', ['request_type', 'uid']],
  ['ntlm', ['server_nb_computer_name']],
  ['dce_rpc', ['named_pipe', 'endpoint']],
  ['smb_mapping', ['share_type']],
  ['smb_files', ['action', 'name', 'uid']],
  ['rdp', ['cookie', 'security_protocol']],
  ['dhcp', ['msg_types']],
  ['snmp', ['community', 'uid']],
  ['sip', ['call_id', 'uid']],
  ['ftp', ['command', 'reply_code']],
  ['tunnel', ['tunnel_type']],
  ['weird', ['name', 'notice']],
  ['notice', ['note', 'actions']],
  ['intel', ['seen.indicator']],
  ['pe', ['machine', 'compile_ts']],
  ['ntp', ['stratum', 'uid']],
  ['software', ['software_type']],
  ['known_hosts', ['host', 'ts']],
]

/** The log a record of Zeek is from: what it says, else what its names show, else `unknown`. */
export function zeekPath(source: SourceValues): string {
  if (typeof source._path === 'string') return source._path
  if (typeof source['@stream'] === 'string') return source['@stream']
  for (const [path, names] of signatures) if (names.every((name) => source[name] !== undefined)) return path
  return 'unknown'
}
