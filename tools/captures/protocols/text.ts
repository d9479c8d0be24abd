import type { TcpParts, TcpTalk, Wire } from '../wire.ts'

export interface HttpParts extends Omit<TcpParts, 'port'> {
  port?: number
  method?: string
  host?: string
  target?: string
  agent?: string
  headers?: Record<string, string>
  body?: string | Uint8Array
  status?: string
  answerHeaders?: Record<string, string>
  answer?: string | Uint8Array
}

const browser =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36'

/** One HTTP/1.1 request and its answer in a connection of its own (RFC 9112). */
export function http(wire: Wire, parts: HttpParts): void {
  const talk = wire.tcp({ from: parts.from, to: parts.to, port: parts.port ?? 80 })
  request(talk, parts)
  talk.close()
}

export function request(talk: TcpTalk, parts: Omit<HttpParts, 'from' | 'to'>): void {
  const { method = 'GET', host = 'portal.gov.example', target = '/', agent = browser, body } = parts
  const bodyBytes = body === undefined ? undefined : Buffer.from(body)
  const headers: Record<string, string> = {
    Host: host,
    'User-Agent': agent,
    Accept: '*/*',
    ...(bodyBytes ? { 'Content-Length': String(bodyBytes.length) } : {}),
    ...parts.headers,
  }
  talk.send(Buffer.concat([head(`${method} ${target} HTTP/1.1`, headers), bodyBytes ?? Buffer.alloc(0)]))
  talk.wait(12)
  const answer = Buffer.from(parts.answer ?? 'ok')
  const answerHeaders = {
    Server: 'nginx',
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': String(answer.length),
    ...parts.answerHeaders,
  }
  talk.receive(Buffer.concat([head(`HTTP/1.1 ${parts.status ?? '200 OK'}`, answerHeaders), answer]))
}

function head(first: string, headers: Record<string, string>): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return Buffer.from(`${[first, ...lines].join('\r\n')}\r\n\r\n`)
}

interface SignIn extends Omit<TcpParts, 'port'> {
  user: string
  password: string
  isRight: boolean
}

/** RFC 959. */
export function ftpSignIn(wire: Wire, { from, to, user, password, isRight }: SignIn): void {
  wire
    .tcp({ from, to, port: 21 })
    .open()
    .receive('220 (vsFTPd 3.0.3)\r\n')
    .send(`USER ${user}\r\n`)
    .receive('331 Please specify the password.\r\n')
    .send(`PASS ${password}\r\n`)
    .wait(40)
    .receive(isRight ? '230 Login successful.\r\n' : '530 Login incorrect.\r\n')
    .send('QUIT\r\n')
    .receive('221 Goodbye.\r\n')
    .close()
}

/** A file that is not there. */
export function ftpMiss(wire: Wire, { from, to, value }: { from: string; to: string; value: number }): void {
  wire
    .tcp({ from, to, port: 21 })
    .open()
    .receive('220 (vsFTPd 3.0.3)\r\n')
    .send(`RETR missing-${value}\r\n`)
    .receive('550 Failed to open file.\r\n')
    .close()
}

/** RFC 1939. */
export function pop3SignIn(wire: Wire, { from, to, user, password, isRight }: SignIn): void {
  wire
    .tcp({ from, to, port: 110 })
    .open()
    .receive('+OK Dovecot ready.\r\n')
    .send(`USER ${user}\r\n`)
    .receive('+OK\r\n')
    .send(`PASS ${password}\r\n`)
    .wait(40)
    .receive(isRight ? '+OK Logged in.\r\n' : '-ERR [AUTH] Authentication failed.\r\n')
    .send('QUIT\r\n')
    .receive('+OK Logging out\r\n')
    .close()
}

/** RFC 9051. */
export function imapSignIn(wire: Wire, { from, to, user, password, isRight }: SignIn): void {
  wire
    .tcp({ from, to, port: 143 })
    .open()
    .receive('* OK [CAPABILITY IMAP4rev1 LOGIN-REFERRALS ID ENABLE] Dovecot ready.\r\n')
    .send(`a1 LOGIN ${user} ${password}\r\n`)
    .wait(40)
    .receive(isRight ? 'a1 OK Logged in\r\n' : 'a1 NO [AUTHENTICATIONFAILED] Authentication failed.\r\n')
    .send('a2 LOGOUT\r\n')
    .receive('* BYE Logging out\r\na2 OK Logout completed.\r\n')
    .close()
}

/** RFC 5321 with RFC 4954. */
export function smtpSignIn(wire: Wire, { from, to, user, password, isRight }: SignIn): void {
  const plain = Buffer.from(`\0${user}\0${password}`).toString('base64')
  wire
    .tcp({ from, to, port: 25 })
    .open()
    .receive('220 mail.gov.example ESMTP Postfix\r\n')
    .send('EHLO client\r\n')
    .receive('250-mail.gov.example\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n')
    .send(`AUTH PLAIN ${plain}\r\n`)
    .wait(40)
    .receive(isRight ? '235 2.7.0 Authentication successful\r\n' : '535 5.7.8 Error: authentication failed\r\n')
    .send('QUIT\r\n')
    .receive('221 2.0.0 Bye\r\n')
    .close()
}

/** RESP (redis.io, "Redis serialization protocol"). */
export function redisSignIn(wire: Wire, { from, to, password, isRight }: Omit<SignIn, 'user'>): void {
  wire
    .tcp({ from, to, port: 6379 })
    .send(`*2\r\n$4\r\nAUTH\r\n$${password.length}\r\n${password}\r\n`)
    .receive(isRight ? '+OK\r\n' : '-WRONGPASS invalid username-password pair or user is disabled.\r\n')
    .close()
}

/** Version lines and the offers in the clear (RFC 4253 section 7.1). */
export function ssh(
  wire: Wire,
  {
    from,
    to,
    port = 22,
    client = 'SSH-2.0-OpenSSH_9.2p1',
  }: Partial<TcpParts> & { from: string; to: string; client?: string },
): void {
  const talk = wire.tcp({ from, to, port }).open()
  talk.receive('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n').send(`${client}\r\n`)
  talk.send(sshOffer(1)).receive(sshOffer(2)).send(Buffer.alloc(1_200, 0x5a)).receive(Buffer.alloc(900, 0xa5)).close()
}

function sshOffer(seed: number): Buffer {
  const lists = [
    'curve25519-sha256',
    'ssh-ed25519',
    ...Array<string>(2).fill('aes256-gcm@openssh.com'),
    ...Array<string>(2).fill('hmac-sha2-256'),
    ...Array<string>(2).fill('none'),
    ...Array<string>(2).fill(''),
  ]
  const names = lists.map((list) => Buffer.concat([u32(list.length), Buffer.from(list)]))
  const payload = Buffer.concat([Buffer.from([20]), Buffer.alloc(16, seed), ...names, Buffer.alloc(5)])
  const padding = 8 - ((payload.length + 5) % 8) + 4
  return Buffer.concat([u32(payload.length + padding + 1), Buffer.from([padding]), payload, Buffer.alloc(padding)])
}

function u32(value: number): Buffer {
  const word = Buffer.alloc(4)
  word.writeUInt32BE(value)
  return word
}
