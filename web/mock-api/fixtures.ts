import type { Schemas } from '../src/api/client.ts'
import { seeded } from './events.ts'

type Bilingual = Schemas['Bilingual']

const hour = 3_600_000
const iso = (ms: number) => new Date(ms).toISOString()
const both = (zh: string, en: string): Bilingual => ({ zh, en })

export const units: Schemas['ListedUnit'][] = [
  { id: 1, kind: 'city', name: '云川市', code: '990100', parentId: null, path: '/1/', version: 1, createdAt: '2026-01-05T01:00:00.000Z', childCount: 2, userCount: 3 },
  { id: 2, kind: 'unit', name: '云川市大数据局', code: null, parentId: 1, path: '/1/2/', version: 1, createdAt: '2026-01-05T01:00:00.000Z', childCount: 0, userCount: 1 },
  { id: 3, kind: 'county', name: '临溪县', code: '990121', parentId: 1, path: '/1/3/', version: 1, createdAt: '2026-01-05T01:00:00.000Z', childCount: 1, userCount: 0 },
  { id: 4, kind: 'unit', name: '临溪县档案馆', code: null, parentId: 3, path: '/1/3/4/', version: 1, createdAt: '2026-01-05T01:00:00.000Z', childCount: 0, userCount: 0 },
]

export const users: Schemas['User'][] = (
  [
    ['admin', '系统管理员', 'system_administrator', 1],
    ['security', '陈静', 'security_manager', 1],
    ['duty', '王强', 'security_operator', 2],
    ['auditor', '刘洋', 'auditor', 1],
  ] as const
).map(([name, displayName, role, unitId], index) => ({
  id: index + 1, name, displayName, role, unitId, unitPath: units[unitId - 1]!.path, unitName: units[unitId - 1]!.name, disabled: false, mustChangePassword: index === 2, totpEnabled: index === 1,
  passwordChangedAt: '2026-10-01T00:00:00.000Z', lastSignInAt: index === 2 ? null : '2026-11-22T08:00:00.000Z', version: 1, createdAt: '2026-01-05T01:00:00.000Z',
}))

const ruleTitles: [string, string, string, Schemas['Severity'], string[], string[]][] = [
  ['ssh-brute-force', 'SSH password guessing', 'SSH 口令猜测', 'medium', ['credential-access'], ['T1110.001']],
  ['ssh-success-after-failures', 'SSH sign-in after many failures', 'SSH 多次失败后登录成功', 'high', ['initial-access', 'credential-access'], ['T1110', 'T1078']],
  ['sudo-archive', 'Archive of a data folder made through sudo', '通过 sudo 打包数据目录', 'medium', ['collection'], ['T1560.001']],
  ['web-shell-upload', 'Script uploaded into a web folder', '向网站目录上传脚本', 'critical', ['persistence'], ['T1505.003']],
  ['sql-injection', 'SQL injection in a request', '请求中的 SQL 注入', 'high', ['initial-access'], ['T1190']],
  ['large-upload', 'Unusually large upload to a foreign address', '向境外地址异常大量上传', 'high', ['exfiltration'], ['T1048']],
  ['windows-service-remote', 'Service installed from another host', '从其他主机安装服务', 'high', ['lateral-movement', 'execution'], ['T1021.002', 'T1569.002']],
  ['new-account', 'Account created outside working hours', '非工作时间创建账号', 'low', ['persistence'], ['T1136.001']],
]

export function makeRules(nowMs: number): Schemas['RuleDetail'][] {
  return ruleTitles.map(([id, title, titleZh, severity, tactics, techniques], index) => ({
    id, title, titleZh, descriptionZh: null, parts: [], misses: both('', ''), steps: { zh: ['核对来源地址'], en: ['Check the source address'] }, history: [], description: `${title}. Looks for the behaviour in the fields of the event, whatever product reported it.`, severity, status: index % 3 === 0 ? 'stable' : 'test', author: 'Watchfire', kind: index === 0 || index === 1 ? 'correlation' : 'detection',
    version: 0, logsource: { category: index === 4 ? 'webserver' : null, product: index === 6 ? 'windows' : 'linux', service: index < 2 ? 'sshd' : null }, techniques, tactics, enabled: index !== 7, canFire: index !== 6 && index !== 7,
    cannotFire: index === 6 ? [{ code: 'no_source' as const }] : index === 7 ? [{ code: 'disabled' as const }] : [],
    cannotFireReasons: index === 6 ? ['no_source' as const] : index === 7 ? ['disabled' as const] : [],
    lastFiredAt: index < 6 ? iso(nowMs - index * 1.7 * hour) : null, firedCount: index < 6 ? 900 - index * 130 : 0, firedCountLastDay: index < 6 ? 120 - index * 18 : 0,
    yaml: `title: ${title}\nid: ${id}\nstatus: test\nlevel: ${severity}\nlogsource:\n  product: linux\n  service: sshd\ndetection:\n  selection:\n    event.action: ssh_login\n    event.outcome: failure\n  condition: selection\n`,
    falsePositives: ['Scanners of the bureau itself'], references: ['https://attack.mitre.org/'], fields: ['event.action', 'event.outcome', 'source.ip'],
    samples: { fires: [{ parser: 'linux-auth', lines: ['sshd[1]: Failed password for root from 198.51.100.23 port 4 ssh2'] }], silent: [{ parser: 'linux-auth', lines: ['sshd[1]: Accepted password for root from 10.20.3.15 port 4 ssh2'] }] }, problems: [],
    origin: 'shipped', stage: 'live', textId: id, collectionId: null, stored: null,
  }))
}

export function makeIncidents(nowMs: number): Schemas['Incident'][] {
  const random = seeded(3)
  return Array.from({ length: 37 }, (_, index) => {
    const severity = (['critical', 'high', 'high', 'medium', 'medium', 'low', 'informational'] as const)[index % 7]!
    const score = Math.max(8, 96 - index * 2.3)
    const severityPoints = Math.round(score * 0.5)
    const rest = Math.round((score - severityPoints) * 10) / 10
    const last = nowMs - index * 0.6 * hour - random() * hour
    const status = index % 9 === 8 ? 'closed' : index % 4 === 1 ? 'in_progress' : index % 11 === 10 ? 'on_hold' : 'new'
    const host = ['portal-web-01', 'archive-db-01', 'office-dc-01'][index % 3]!
    const tactics = index % 3 === 0 ? ['initial-access', 'credential-access', 'collection', 'exfiltration'] : ['credential-access']
    const assigned = status === 'in_progress' || status === 'closed'
    return {
      id: 137 - index,
      title: index % 3 === 0 ? both(`4 个阶段的攻击，已进展至数据渗出：198.51.100.23 → ${host}`, `Attack in 4 stages up to Exfiltration: 198.51.100.23 → ${host}`) : both(`SSH 口令猜测：203.0.113.${index} → ${host}`, `SSH password guessing: 203.0.113.${index} → ${host}`),
      severity, status, closeReason: status === 'closed' ? 'false_positive' : null, closeNote: status === 'closed' ? '漏洞扫描器的例行扫描' : null, severityPinned: index === 4, score: severityPoints + rest,
      scoreParts: [
        { name: 'severity', points: severityPoints, because: { severity, rule: ruleTitles[index % ruleTitles.length]![1], ruleZh: ruleTitles[index % ruleTitles.length]![2] } },
        { name: 'stages', points: rest, because: { count: tactics.length, stages: tactics.join(', ') } },
      ] as Schemas['Incident']['scoreParts'],
      story: both(
        `2026-11-22 09:12:04 至 09:41:37（历时 29 分 33 秒），来自地址 198.51.100.23（NL）、针对主机 ${host} 的活动触发 4 条规则，共命中 212 次。先是 198 次口令猜测，随后账号 backup 登录成功，以 sudo 打包 /srv/archive，最后向境外地址传出约 1.2 GiB。`,
        `From 2026-11-22 09:12:04 to 09:41:37 (UTC+08:00, 29 min 33 s), address 198.51.100.23 (NL) acted against host ${host} and set off 4 rules, 212 times in all. First 198 guesses of passwords, then the account backup signed in, archived /srv/archive through sudo and sent about 1.2 GiB abroad.`,
      ),
      tactics, techniques: ['T1110.001', 'T1078', 'T1560.001', 'T1048'].slice(0, tactics.length),
      entities: (
        [
          ['ip', '198.51.100.23', 'actor', 'NL', 'Example Hosting'],
          ['host', host, 'target', null, null],
          ['user', 'backup', 'target', null, null],
        ] as const
      ).map(([type, value, role, country, organisation]) => ({ type, value, role, country: country ?? undefined, organisation: organisation ?? undefined, firstMs: last - 0.5 * hour, lastMs: last, matches: 40 })),
      ruleIds: ruleTitles.slice(index % 3, (index % 3) + 2).map(([id]) => id), ruleAuthors: ['Watchfire'], unitPath: '/1/2/', assigneeId: assigned ? 2 : null, assigneeName: assigned ? '陈静' : null, detectionCount: 4, matchCount: 212 - index,
      firstSeenAt: iso(last - 0.5 * hour), lastSeenAt: iso(last), updatedAt: iso(last), version: 1, openedAt: iso(last - 0.4 * hour), acknowledgedAt: assigned ? iso(last) : null, closedAt: status === 'closed' ? iso(last) : null,
      duplicateOf: null, continues: index === 2 ? 101 : null,
    } satisfies Schemas['Incident']
  })
}

export function makeDetections(nowMs: number, incidents: Schemas['Incident'][], eventIds: string[]): Schemas['Detection'][] {
  return incidents.slice(0, 20).flatMap((incident, place) =>
    [0, 4, 2, 5].slice(0, incident.tactics.length).map((ruleIndex, step) => {
      const [ruleId, ruleTitle, ruleTitleZh, severity, tactics, techniques] = ruleTitles[ruleIndex]!
      const at = Date.parse(incident.firstSeenAt) + step * 7 * 60_000
      return {
        id: `d${place}-${step}`, ruleId, ruleTitle, ruleTitleZh, ruleAttribution: { author: 'Watchfire', license: 'Apache-2.0' }, detector: step === 0 ? 'correlation' : 'sigma', severity, firstSeenAt: iso(at - 60_000), lastSeenAt: iso(at), matchCount: step === 0 ? 198 : 1, createdAt: iso(at), updatedAt: iso(Math.min(nowMs, at + 1000)),
        summary: `${ruleTitle}: 198.51.100.23 · ${incident.entities[1]!.value}`, summaryZh: `${ruleTitleZh}：198.51.100.23 · ${incident.entities[1]!.value}`, unitPath: '/1/2/', sourceKey: 'syslog:10.20.3.15', techniques, tactics, entities: incident.entities.map((entity) => ({ ...entity, firstMs: at - 60_000, lastMs: at, matches: 4 })),
        eventIds: eventIds.slice(place * 3, place * 3 + 3), matched: [{ part: 'selection', field: 'event.outcome', value: 'failure' }, { part: 'selection', field: 'source.ip', value: '198.51.100.23' }],
        fields: { 'event.action': 'ssh_login', 'event.outcome': 'failure', 'source.ip': '198.51.100.23', 'user.name': 'backup', 'host.name': incident.entities[1]!.value, message: 'Failed password for backup from 198.51.100.23 port 40022 ssh2' },
        incidentId: place % 7 === 6 ? null : incident.id, suppressedBy: place % 7 === 6 ? 1 : null, acknowledgedAt: null, acknowledgedBy: null,
      } satisfies Schemas['Detection']
    }),
  )
}

export function makeSources(nowMs: number): Schemas['Source'][] {
  const rows: [string, string, string | null, number, number, boolean][] = [
    ['syslog:10.20.3.15', 'portal-web-01', 'linux-auth', 41.2, 1, false],
    ['syslog:10.20.3.16', 'portal-web-02', 'linux-auth', 12.7, 0.998, false],
    ['http:portal-nginx', 'portal-nginx', 'nginx-access', 118.4, 0.9997, false],
    ['syslog:10.20.0.1', 'edge-firewall', 'cef', 0, 0.94, true],
    ['bulk:winlogbeat-8', 'winlogbeat-8', 'winlogbeat', 22.1, 1, false],
    ['syslog:10.20.9.8', '10.20.9.8', null, 0.4, 0, false],
    ['file:import-2026-11', 'import-2026-11', 'zeek', 0, 1, false],
  ]
  return rows.map(([key, name, parser, rate, parseRate, silent], index) => ({
    id: `s${index}`, key, name, transport: key.split(':')[0] === 'syslog' ? 'syslog-udp' : key.split(':')[0]!, parser, pinned: index === 3, unitId: 2, unitPath: '/1/2/', firstSeenAt: iso(nowMs - 240 * hour), lastSeenAt: iso(nowMs - (silent ? 5 * hour : index * 900)),
    version: 1, recordCount: Math.round(rate * 86_400 + 12_345), unparsedCount: Math.round((1 - parseRate) * (rate * 8640 + 2345)), parseRate, recordsPerSecond: rate, silenceAfterMinutes: index === 3 ? 60 : null, silent, lastEventAt: null, silentSince: null, byteCount: 123_456_789, lastFailure: null, timeZone: null, retentionClass: 'standard', enabled: true,
  }))
}

export function makeAudit(nowMs: number): Schemas['AuditRow'][] {
  const actions = ['auth.sign_in', 'incident.assign', 'incident.close', 'rule.disable', 'user.create', 'token.create', 'source.change']
  return Array.from({ length: 64 }, (_, index) => ({
    sequence: 64 - index, at: iso(nowMs - index * 0.4 * hour), actorKind: 'user', actorId: String((index % 4) + 1), actorName: users[index % 4]!.displayName, address: '10.20.1.7', action: actions[index % actions.length]!, target: index % 2 ? `incident:${137 - index}` : `user:${(index % 4) + 1}`,
    unitPath: '/1/', detail: { before: 'new', after: 'closed', reason: 'false_positive' }, hash: seeded(index)().toString(16).slice(2).padEnd(64, 'a3f09c'),
  }))
}

export const health: Schemas['Health'] = {
  status: 'degraded', version: '0.1.0', startedAt: '2026-11-20T00:00:00.000Z', uptimeSeconds: 201_234,
  problems: [{ part: 'disk', severity: 'high', problem: 'disk_low', parameters: { path: './data', freeMib: 640 }, message: 'Only 640 MiB are free on ./data' }],
  children: [
    { name: 'clickhouse', status: 'running', version: '26.7.3', processId: 4711, restarts: 0, lastError: null },
    { name: 'postgresql', status: 'running', version: '18.4', processId: 4712, restarts: 1, lastError: 'ended by signal SIGKILL' },
  ],
  threads: ['collect', 'process-0', 'correlate'].map((name) => ({ name, status: 'running' as const, restarts: 0 })),
  bus: [
    { topic: 'raw', group: 'process', lag: 213, bytes: 18_400_000, limitBytes: 4_294_967_296 },
    { topic: 'matches', group: 'correlate', lag: 0, bytes: 220_000, limitBytes: 4_294_967_296 },
  ],
  disk: { path: '/var/lib/watchfire', totalBytes: 512e9, freeBytes: 301e9 },
  losses: [
    { counter: 'syslog_udp_dropped_total', value: 12, description: 'Datagrams the kernel dropped because its buffer was full' },
    { counter: 'correlate_groups_evicted_total', value: 0, description: 'Groups closed early because the bound was reached' },
  ],
  process: { memoryBytes: 412e6, heapBytes: 180e6, cpuSeconds: 8123 },
  versions: { watchfire: '0.1.0', node: 'v20.20.2', clickhouse: '26.7.3', postgresql: '18.4' },
  settings: { bind: '127.0.0.1', httpPort: 8080, syslogPort: 5514, retentionDays: 190 },
}
