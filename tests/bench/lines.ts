import type { Event } from '../../server/src/event/event.ts'

/**
 * Log lines of the kinds a city's data centre sends, as events, from a seeded generator: a third sshd and sudo, a third
 * web access, a third firewall. Addresses, users, paths and numbers vary as widely as they do in life (Zipf-like), so
 * that compression and dictionaries are not flattered.
 */
export function createLineMix(seed: number, startMs: number, perSecond: number) {
  let state = seed >>> 0
  // Mulberry32, a 32-bit generator in the public domain.
  const random = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (count: number) => Math.floor(random() * count)
  const skewed = (count: number) => Math.floor(count * random() ** 3)
  const pick = <Item>(items: readonly Item[]): Item => items[skewed(items.length)]!
  const users = Array.from({ length: 400 }, (_, index) => `user${index.toString(36)}`)
  const paths = Array.from(
    { length: 2_000 },
    (_, index) =>
      `/${['portal', 'api', 'static', 'bszn'][index % 4]}/${index.toString(36)}/${['list', 'detail.do', 'app.js', '查询'][index % 4]}`,
  )
  const agents = [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36',
    'curl/8.5.0',
    'okhttp/4.9.3',
    'Mozilla/5.0 (Linux; Android 14)',
  ]
  const publicIp = () => `${1 + skewed(222)}.${below(256)}.${below(256)}.${below(254) + 1}`
  const innerIp = () => `10.${skewed(16)}.${skewed(64)}.${skewed(254) + 1}`
  let count = 0

  function next(): Event {
    const timeMs = startMs + Math.floor((count * 1000) / perSecond) - skewed(3_000)
    const id = `0-${count}-0`
    const kind = count++ % 3
    const stamp = new Date(timeMs).toISOString()
    if (kind === 0) return auth(id, timeMs, stamp)
    return kind === 1 ? web(id, timeMs, stamp) : firewall(id, timeMs, stamp)
  }

  function auth(id: string, timeMs: number, stamp: string): Event {
    const host = `srv-${skewed(300)}`
    const user = pick(users)
    const ip = publicIp()
    const port = 1024 + below(64_000)
    const pid = below(60_000)
    const failed = random() < 0.7
    const message = `${failed ? 'Failed' : 'Accepted'} password for ${user} from ${ip} port ${port} ssh2`
    return event(id, timeMs, `syslog:${host}`, `<38>1 ${stamp} ${host} sshd ${pid} - - ${message}`, {
      message,
      'event.category': ['authentication'],
      'event.type': ['start'],
      'event.action': 'ssh_login',
      'event.outcome': failed ? 'failure' : 'success',
      'event.module': 'linux',
      'event.dataset': 'linux.auth',
      'host.name': host,
      'process.name': 'sshd',
      'process.pid': pid,
      'user.name': user,
      'source.ip': ip,
      'source.port': port,
      'related.ip': [ip],
      'related.user': [user],
    })
  }

  function web(id: string, timeMs: number, stamp: string): Event {
    const ip = publicIp()
    const path = pick(paths)
    const status = pick([200, 200, 200, 304, 302, 404, 403, 500])
    const bytes = below(60_000)
    const agent = pick(agents)
    const host = `web-${skewed(40)}`
    const message = `${ip} - - [${stamp}] "GET ${path}?id=${below(1e6)} HTTP/1.1" ${status} ${bytes} "-" "${agent}"`
    return event(id, timeMs, `syslog:${host}`, `<190>1 ${stamp} ${host} nginx - - - ${message}`, {
      message,
      'event.category': ['web'],
      'event.module': 'nginx',
      'event.dataset': 'nginx.access',
      'host.name': host,
      'source.ip': ip,
      'url.path': path,
      'http.request.method': 'GET',
      'http.response.status_code': status,
      'http.response.body.bytes': bytes,
      'user_agent.original': agent,
      'related.ip': [ip],
    })
  }

  function firewall(id: string, timeMs: number, stamp: string): Event {
    const source = publicIp()
    const target = innerIp()
    const port = pick([443, 80, 53, 22, 3389, 445, 8080, 3306])
    const denied = random() < 0.4
    const message = `devname=FW-${skewed(8)} 动作=${denied ? '拒绝' : '允许'} src=${source} spt=${1024 + below(64_000)} dst=${target} dpt=${port} proto=tcp 字节=${below(1e6)} policy=${skewed(200)}`
    return event(id, timeMs, 'syslog:firewall', `<134>${stamp} fw ${message}`, {
      message,
      'event.category': ['network'],
      'event.type': [denied ? 'denied' : 'allowed'],
      'event.module': 'firewall',
      'observer.type': 'firewall',
      'source.ip': source,
      'destination.ip': target,
      'destination.port': port,
      'network.transport': 'tcp',
      'kv.policy': String(skewed(200)),
      'related.ip': [source, target],
    })
  }

  function event(id: string, timeMs: number, sourceKey: string, line: string, fields: Event['fields']): Event {
    return {
      id,
      timeMs,
      receivedAtMs: timeMs,
      raw: Buffer.from(line),
      sourceKey,
      unitPath: `/1/${1 + skewed(20)}/`,
      fields,
    }
  }

  return { next, take: (length: number) => Array.from({ length }, next) }
}
