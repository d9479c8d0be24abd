import type { SeededRandom } from '../../lib/seeded-random.ts'
import { type DemoHost, hosts, linuxHosts, operators, people, windowsHosts } from './city.ts'
import {
  authLine,
  connectionRecord,
  type DemoRecord,
  executionLines,
  firewallLine,
  lookupRecord,
  sudoLine,
  webLine,
  windowsRecord,
} from './lines.ts'

type Make = (random: SeededRandom, atMs: number) => DemoRecord[]

/** What a working day writes, by how often it does. */
const kinds: [number, Make][] = [
  [30, webVisit],
  [16, connection],
  [14, lookup],
  [12, firewall],
  [10, windowsSignIn],
  [5, windowsProcess],
  [5, signIn],
  [3, sudo],
  [3, cron],
  [2, execution],
]
const weight = kinds.reduce((sum, [share]) => sum + share, 0)

/** The records of one ordinary happening at `atMs`. */
export function benignRecords(random: SeededRandom, atMs: number): DemoRecord[] {
  let point = random.next() * weight
  for (const [share, make] of kinds) {
    point -= share
    if (point < 0) return make(random, atMs)
  }
  return webVisit(random, atMs)
}

/** How busy the city is, 0.15 at night to 1 in office hours; its clocks run eight hours ahead of UTC. */
export function activity(atMs: number): number {
  const hour = (atMs / 3_600_000 + 8) % 24
  const morning = 1 / (1 + Math.exp(-1.6 * (hour - 8.5)))
  const evening = 1 / (1 + Math.exp(1.3 * (hour - 18.5)))
  const lunch = 1 - 0.35 * Math.exp(-((hour - 12.7) ** 2))
  return 0.15 + 0.85 * morning * evening * lunch
}

const agents = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
  'Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.50',
  'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36',
]
const pages = [
  '/',
  '/news/list',
  '/news/detail?id=',
  '/service/apply?id=',
  '/service/progress?no=',
  '/search?q=housing',
  '/login',
  '/css/main.css',
  '/js/app.js',
  '/img/banner.jpg',
  '/api/v2/notices?page=',
  '/open/budget?year=2026',
]
const domains = [
  'www.yunlu.example',
  'mail.yunlu.example',
  'time.yunlu.example',
  'update.vendor.example',
  'cdn.vendor.example',
  'map.city.example',
  'pay.bank.example',
  'meeting.cloud.example',
]

/** Somebody on the internet; documentation addresses, attackers' own left out. */
function citizen(random: SeededRandom): string {
  return random.chance(0.5) ? `198.51.100.${random.integer(1, 60)}` : `192.0.2.${random.integer(1, 250)}`
}

function desk(random: SeededRandom): string {
  return `10.20.${random.pick([3, 5, 7])}.${random.integer(100, 180)}`
}

function webVisit(random: SeededRandom, atMs: number): DemoRecord[] {
  const page = random.pick(pages)
  const target = page.endsWith('=') ? page + random.integer(1, 4_000) : page
  const status = random.chance(0.94) ? 200 : random.pick([301, 304, 404, 499, 502])
  const host = random.pick([hosts.portal, hosts.portal, hosts.portalSecond, hosts.housingWeb])
  const bytes = status === 200 ? random.integer(300, 90_000) : random.integer(0, 600)
  const method = target.startsWith('/service/apply') && random.chance(0.3) ? 'POST' : 'GET'
  return [webLine(atMs, host, { client: citizen(random), method, target, status, bytes, agent: random.pick(agents) })]
}

function connection(random: SeededRandom, atMs: number): DemoRecord[] {
  const isInbound = random.chance(0.6)
  const flow = {
    from: isInbound ? citizen(random) : desk(random),
    fromPort: random.integer(20_000, 60_000),
    to: isInbound ? hosts.portal.address : `192.0.2.${random.integer(1, 250)}`,
    toPort: random.chance(0.9) ? 443 : 80,
    service: 'ssl',
    state: random.chance(0.95) ? 'SF' : 'RSTO',
    seconds: random.integer(1, 400) / 10,
    sent: random.integer(500, 60_000),
    received: random.integer(900, 900_000),
  }
  return [connectionRecord(atMs, `C${random.text(16)}`, flow)]
}

function lookup(random: SeededRandom, atMs: number): DemoRecord[] {
  const name = random.pick(domains)
  const failed = random.chance(0.03)
  const question = {
    from: desk(random),
    fromPort: random.integer(30_000, 60_000),
    resolver: hosts.resolver.address,
    name: failed ? `wpad.${name}` : name,
    type: random.chance(0.8) ? 'A' : 'AAAA',
    answers: failed ? [] : [`192.0.2.${random.integer(1, 250)}`],
    failed,
  }
  return [lookupRecord(atMs, `D${random.text(16)}`, question)]
}

function firewall(random: SeededRandom, atMs: number): DemoRecord[] {
  const action = random.chance(0.9) ? 'allow' : 'deny'
  const toPort = action === 'allow' ? 443 : random.pick([23, 445, 1433, 3389, 6379])
  const flow = {
    action,
    from: citizen(random),
    fromPort: random.integer(20_000, 60_000),
    to: hosts.portal.address,
    toPort,
  } as const
  return [firewallLine(atMs, hosts.firewall, flow)]
}

function windowsSignIn(random: SeededRandom, atMs: number): DemoRecord[] {
  const failed = random.chance(0.04)
  const data = {
    TargetUserName: random.pick(people),
    TargetDomainName: 'YUNLU',
    LogonType: random.pick(['2', '3', '3', '7']),
    IpAddress: desk(random),
    IpPort: String(random.integer(49_152, 65_000)),
    WorkstationName: '-',
    SubjectUserName: '-',
    Status: failed ? '0xc000006d' : '0x0',
  }
  return [
    windowsRecord(atMs, random.pick(windowsHosts), 'Microsoft-Windows-Security-Auditing', failed ? 4625 : 4624, data),
  ]
}

const programs: [string, string][] = [
  ['C:\\Program Files\\WPS Office\\office6\\wps.exe', 'wps.exe 周报.docx'],
  ['C:\\Program Files\\WPS Office\\office6\\et.exe', 'et.exe 预算执行.xlsx'],
  ['C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe', 'chrome.exe --type=renderer'],
  ['C:\\Windows\\System32\\svchost.exe', 'svchost.exe -k netsvcs -p'],
  ['C:\\Windows\\System32\\gpupdate.exe', 'gpupdate.exe /target:computer'],
]

function windowsProcess(random: SeededRandom, atMs: number): DemoRecord[] {
  const [image, commandLine] = random.pick(programs)
  const data = {
    Image: image,
    CommandLine: commandLine,
    ParentImage: image.startsWith('C:\\Windows') ? 'C:\\Windows\\System32\\services.exe' : 'C:\\Windows\\explorer.exe',
    User: `YUNLU\\${random.pick(people)}`,
    ProcessId: String(random.integer(1_000, 9_000)),
    ParentProcessId: String(random.integer(600, 5_000)),
  }
  return [
    windowsRecord(
      atMs,
      random.pick([hosts.files, hosts.financeDesk, hosts.housingDesk]),
      'Microsoft-Windows-Sysmon',
      1,
      data,
    ),
  ]
}

function signIn(random: SeededRandom, atMs: number): DemoRecord[] {
  const host = random.pick(linuxHosts)
  const pid = random.integer(1_000, 30_000)
  const peer = `from ${hosts.jump.address} port ${random.integer(40_000, 60_000)} ssh2`
  const user = random.pick(operators)
  const accepted = authLine(atMs, host, 'sshd', pid, `Accepted publickey for ${user} ${peer}`)
  // People mistype once in a while; that is no attack.
  if (random.chance(0.08))
    return [authLine(atMs - 4_000, host, 'sshd', pid, `Failed password for ${user} ${peer}`), accepted]
  return [accepted]
}

const chores = [
  '/usr/bin/systemctl status nginx',
  '/usr/bin/systemctl reload nginx',
  '/usr/bin/journalctl -u nginx',
  '/usr/bin/df -h',
  '/usr/bin/apt-get update',
]

function sudo(random: SeededRandom, atMs: number): DemoRecord[] {
  return [sudoLine(atMs, random.pick(linuxHosts), 'ops', random.pick(chores))]
}

function cron(random: SeededRandom, atMs: number): DemoRecord[] {
  const message = `(root) CMD (${random.pick(['/usr/local/sbin/backup --incremental', 'test -x /usr/sbin/anacron', '/usr/lib/sysstat/sa1 1 1'])})`
  return [authLine(atMs, random.pick(linuxHosts), 'CRON', random.integer(1_000, 30_000), message)]
}

function execution(random: SeededRandom, atMs: number): DemoRecord[] {
  const host: DemoHost = random.pick(linuxHosts)
  const [executable, ...parameters] = random.pick([
    ['/usr/bin/rsync', '-a', '/etc/nginx/', '/srv/backup/nginx/'],
    ['/usr/bin/systemctl', 'is-active', 'nginx'],
    ['/usr/bin/python3', '/opt/agent/collect.py'],
  ]) as [string, ...string[]]
  const serial = 10_000 + random.integer(1, 80_000)
  return executionLines(atMs, host, {
    userId: 0,
    serial,
    parentId: random.integer(1_000, 9_000),
    executable,
    parameters,
  })
}
