import type { DemoHost } from './city.ts'

/** Which input a record takes when it is played live. History goes over HTTP, under the same source name. */
export type DemoWay = 'syslog-udp' | 'syslog-tcp' | 'http' | 'bulk'

/** One record as its sender would write it. */
export interface DemoRecord {
  atMs: number
  way: DemoWay
  /** Last part of the ingest URL, or `_index` of a bulk item. */
  source: string
  text: string
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (value: number) => String(value).padStart(2, '0')

function timeOfDay(time: Date): string {
  return `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`
}

/** Header of RFC 5424: its time names its zone, so that it is read right wherever the demo runs. */
function syslogHeader(priority: number, atMs: number, host: DemoHost, program: string, pid: number | '-'): string {
  return `<${priority}>1 ${new Date(atMs).toISOString()} ${host.name} ${program} ${pid} - -`
}

/** Header of RFC 3164, as firewalls write it; the time that counts is in the message. */
function shortHeader(priority: number, atMs: number, host: DemoHost): string {
  const time = new Date(atMs)
  const day = String(time.getUTCDate()).padStart(2)
  return `<${priority}>${months[time.getUTCMonth()]} ${day} ${timeOfDay(time)} ${host.name}`
}

/** authpriv.info of one program: sshd, sudo, su, useradd, CRON. */
export function authLine(atMs: number, host: DemoHost, program: string, pid: number, message: string): DemoRecord {
  const text = `${syslogHeader(86, atMs, host, program, pid)} ${message}`
  return { atMs, way: 'syslog-tcp', source: 'linux-hosts', text }
}

export function sudoLine(atMs: number, host: DemoHost, user: string, command: string): DemoRecord {
  const facts = `${user} : TTY=pts/1 ; PWD=/home/${user} ; USER=root ; COMMAND=${command}`
  return authLine(atMs, host, 'sudo', 3_312, facts.padStart(facts.length + 4))
}

/** What auditd writes when a program is started: SYSCALL, then EXECVE with the arguments, under one serial number. */
export function executionLines(
  atMs: number,
  host: DemoHost,
  run: { userId: number; serial: number; parentId: number; executable: string; parameters: string[] },
): DemoRecord[] {
  const { userId, serial, parentId, executable, parameters } = run
  const id = `msg=audit(${(atMs / 1000).toFixed(3)}:${serial})`
  const owner = userId === 0 ? 1_001 : 4_294_967_295
  const ids = `auid=${owner} uid=${userId} gid=${userId} euid=${userId} suid=${userId} fsuid=${userId} egid=${userId} sgid=${userId} fsgid=${userId}`
  const program = executable.slice(executable.lastIndexOf('/') + 1)
  const all = [program, ...parameters]
  const quoted = all.map(
    (text, index) =>
      `a${index}=${/[^\x21\x23-\x7e]/.test(text) ? Buffer.from(text).toString('hex').toUpperCase() : `"${text}"`}`,
  )
  const bodies = [
    `type=SYSCALL ${id}: arch=c000003e syscall=59 success=yes exit=0 a0=55d1 a1=55d2 a2=55d3 a3=8 items=2 ppid=${parentId} pid=${parentId + (serial % 900)} ${ids} tty=(none) ses=3 comm="${program}" exe="${executable}" subj=unconfined key="exec"`,
    `type=EXECVE ${id}: argc=${all.length} ${quoted.join(' ')}`,
  ]
  return bodies.map((body) => {
    const text = `${syslogHeader(86, atMs, host, 'audispd', '-')} node=${host.name} ${body}`
    return { atMs, way: 'syslog-tcp', source: 'linux-hosts', text }
  })
}

/** One request in nginx's combined format. */
export function webLine(
  atMs: number,
  host: DemoHost,
  request: {
    client: string
    method: string
    target: string
    status: number
    bytes: number
    agent: string
    referrer?: string
  },
): DemoRecord {
  const { client, method, target, status, bytes, agent, referrer = '-' } = request
  const time = new Date(atMs)
  const stamp = `${two(time.getUTCDate())}/${months[time.getUTCMonth()]}/${time.getUTCFullYear()}:${timeOfDay(time)} +0000`
  const body = `${client} - - [${stamp}] "${method} ${target} HTTP/1.1" ${status} ${bytes} "${referrer}" "${agent}"`
  return {
    atMs,
    way: 'syslog-tcp',
    source: 'portal-web',
    text: `${syslogHeader(190, atMs, host, 'nginx', '-')} ${body}`,
  }
}

/** The border firewall's verdict on one connection, as CEF. */
export function firewallLine(
  atMs: number,
  host: DemoHost,
  flow: { action: 'allow' | 'deny'; from: string; fromPort: number; to: string; toPort: number; protocol?: string },
): DemoRecord {
  const { action, from, fromPort, to, toPort, protocol = 'TCP' } = flow
  const [id, name, severity] = action === 'deny' ? ['1001', 'Traffic denied', 5] : ['1000', 'Traffic allowed', 1]
  const fields = `rt=${atMs} src=${from} dst=${to} spt=${fromPort} dpt=${toPort} proto=${protocol} act=${action}`
  const text = `${shortHeader(134, atMs, host)} CEF:0|Northgate|Border Firewall|6.0|${id}|${name}|${severity}|${fields}`
  return { atMs, way: 'syslog-udp', source: 'border-firewall', text }
}

export function connectionRecord(
  atMs: number,
  uid: string,
  flow: {
    from: string
    fromPort: number
    to: string
    toPort: number
    service: string
    state: string
    seconds: number
    sent: number
    received: number
  },
): DemoRecord {
  const record = {
    _path: 'conn',
    ts: atMs / 1000,
    uid,
    'id.orig_h': flow.from,
    'id.orig_p': flow.fromPort,
    'id.resp_h': flow.to,
    'id.resp_p': flow.toPort,
    proto: flow.service === 'dns' ? 'udp' : 'tcp',
    service: flow.service,
    duration: flow.seconds,
    orig_bytes: flow.sent,
    resp_bytes: flow.received,
    conn_state: flow.state,
    local_orig: flow.from.startsWith('10.'),
    local_resp: flow.to.startsWith('10.'),
  }
  return { atMs, way: 'http', source: 'border-zeek', text: JSON.stringify(record) }
}

export function lookupRecord(
  atMs: number,
  uid: string,
  lookup: {
    from: string
    fromPort: number
    resolver: string
    name: string
    type: string
    answers: string[]
    failed?: boolean
  },
): DemoRecord {
  const record = {
    _path: 'dns',
    ts: atMs / 1000,
    uid,
    'id.orig_h': lookup.from,
    'id.orig_p': lookup.fromPort,
    'id.resp_h': lookup.resolver,
    'id.resp_p': 53,
    proto: 'udp',
    query: lookup.name,
    qclass_name: 'C_INTERNET',
    qtype_name: lookup.type,
    rcode_name: lookup.failed ? 'NXDOMAIN' : 'NOERROR',
    AA: false,
    TC: false,
    RD: true,
    RA: true,
    answers: lookup.answers,
    rejected: false,
  }
  return { atMs, way: 'http', source: 'border-zeek', text: JSON.stringify(record) }
}

const channels: Record<string, string> = {
  'Microsoft-Windows-Security-Auditing': 'Security',
  'Microsoft-Windows-Eventlog': 'Security',
  'Service Control Manager': 'System',
  'Microsoft-Windows-Sysmon': 'Microsoft-Windows-Sysmon/Operational',
  'Microsoft-Windows-Windows Defender': 'Microsoft-Windows-Windows Defender/Operational',
}

/** One Windows event as Winlogbeat ships it. */
export function windowsRecord(
  atMs: number,
  host: DemoHost,
  provider: string,
  eventId: number,
  data: Record<string, string>,
): DemoRecord {
  const record = {
    '@timestamp': new Date(atMs).toISOString(),
    event: { code: String(eventId), kind: 'event', provider },
    host: { name: host.name },
    log: { level: 'information' },
    agent: { type: 'winlogbeat', version: '8.15.0' },
    winlog: {
      api: 'wineventlog',
      channel: channels[provider] ?? 'Application',
      computer_name: `${host.name}.yunlu.example`,
      event_id: String(eventId),
      provider_name: provider,
      event_data: data,
    },
  }
  return { atMs, way: 'bulk', source: 'winlogbeat-8.15.0', text: JSON.stringify(record) }
}
