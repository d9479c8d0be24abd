import type { Schemas } from '../src/api/client.ts'

export type EventDocument = Schemas['EventDocument']

const hour = 3_600_000

/** A small generator with a fixed seed (mulberry32): the same fixtures on every start. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const hosts = ['portal-web-01', 'portal-web-02', 'office-dc-01', 'archive-db-01', 'jump-01']
const users = ['root', 'zhang.wei', 'li.na', 'backup', 'www-data', 'admin']
const addresses = ['198.51.100.23', '203.0.113.77', '192.0.2.14', '10.20.3.15', '10.20.3.41', '2001:db8::4d']

/** Log lines of a fictional city bureau over the last day, oldest first. */
export function makeEvents(nowMs: number, count = 2400): EventDocument[] {
  const random = seeded(7)
  const pick = <Item>(items: Item[]): Item => items[Math.floor(random() * items.length)]!
  const events: EventDocument[] = []
  for (let index = 0; index < count; index++) {
    const at = nowMs - 24 * hour + (index / count) * 24 * hour + random() * 20_000
    const host = pick(hosts)
    const user = pick(users)
    const ip = random() < 0.35 ? addresses[0]! : pick(addresses)
    const port = 30_000 + Math.floor(random() * 30_000)
    const shared = { '@timestamp': new Date(at).toISOString(), 'event.id': `e-${String(index).padStart(6, '0')}`, 'host.name': host, 'organization.name': '云川市大数据局' }
    const dice = random()
    if (dice < 0.5) {
      const failed = ip === addresses[0] || random() < 0.3
      events.push({
        ...shared, 'event.category': ['authentication'], 'event.action': 'ssh_login', 'event.outcome': failed ? 'failure' : 'success', 'event.module': 'linux', 'user.name': user, 'source.ip': ip, 'source.port': port,
        'process.name': 'sshd', 'related.ip': [ip], 'source.geo.country_iso_code': ip.startsWith('10.') ? undefined : 'NL', message: `${failed ? 'Failed' : 'Accepted'} password for ${user} from ${ip} port ${port} ssh2`,
      })
    } else if (dice < 0.85) {
      const path = pick(['/index.html', '/api/v2/items?id=1', '/login', "/search?q=' or 1=1--", '/upload/a.jsp', '/static/app.js'])
      const status = pick([200, 200, 200, 302, 404, 500])
      events.push({
        ...shared, 'host.name': pick(hosts.slice(0, 2)), 'event.category': ['web'], 'event.action': 'http_request', 'event.outcome': status < 400 ? 'success' : 'failure', 'event.module': 'nginx', 'source.ip': ip,
        'http.request.method': 'GET', 'http.response.status_code': status, 'url.path': path, 'user_agent.original': 'Mozilla/5.0', message: `${ip} - - "GET ${path} HTTP/1.1" ${status} ${Math.floor(random() * 9000)}`,
      })
    } else if (dice < 0.97) {
      events.push({ ...shared, 'event.category': ['process'], 'event.action': 'sudo', 'event.outcome': 'success', 'event.module': 'linux', 'user.name': user, 'process.command_line': '/usr/bin/tar czf /tmp/a.tgz /srv/archive', message: `${user} : TTY=pts/0 ; PWD=/home/${user} ; USER=root ; COMMAND=/usr/bin/tar czf /tmp/a.tgz /srv/archive` })
    } else {
      events.push({ ...shared, 'event.kind': 'event', 'error.message': 'no parser understood this record', tags: ['unparsed'], message: `<134>%%BUREAU-7-异常: 设备 ${host} 上报 0x${port.toString(16)}` })
    }
  }
  return events
}

/** A little of the query language: field:value, not, and, words. Enough to try the pages; the server has the real one. */
export function matches(event: EventDocument, query: string): boolean {
  const terms = query.match(/(?:not\s+)?(?:[\w.@]+:)?(?:"(?:[^"\\]|\\.)*"|[^\s()]+)/gi) ?? []
  return terms.every((term) => {
    if (/^(and|or|\*)$/i.test(term)) return true
    const negated = /^not\s/i.test(term)
    const [, field, raw = ''] = /^(?:not\s+)?(?:([\w.@]+):)?(.*)$/is.exec(term) ?? []
    const value = raw.replace(/^"|"$/g, '').replace(/\\(.)/g, '$1')
    const pattern = new RegExp(`^${value.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*')}$`, 'i')
    const hit = field
      ? [event[field]].flat().some((item) => item !== undefined && pattern.test(String(item)))
      : JSON.stringify(event).toLowerCase().includes(value.toLowerCase())
    return hit !== negated
  })
}
