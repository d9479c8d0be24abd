import { mssqlSignIn, mysqlSignIn, postgresqlSignIn } from '../protocols/databases.ts'
import { ftpMiss, ftpSignIn, imapSignIn, pop3SignIn, redisSignIn, smtpSignIn } from '../protocols/text.ts'
import { SmbTalk } from '../protocols/windows.ts'
import { type Captures, counted, type Doing } from '../scenario.ts'
import type { Wire } from '../wire.ts'

const minuteMs = 60_000

interface SignIn {
  from: string
  to: string
  user: string
  password: string
  isRight: boolean
}
type Way = (wire: Wire, parts: SignIn) => void

const wrong =
  (way: Way): Doing =>
  (wire, { from, to, value }) =>
    way(wire, { from, to, user: 'admin', password: `guess-${value}`, isRight: false })
const right =
  (way: Way): Doing =>
  (wire, { from, to }) =>
    way(wire, { from, to, user: 'admin', password: 'fits', isRight: true })

function guessing(ways: Way[], others: Doing[] = []): Captures {
  return counted({
    count: 10,
    timespanMs: 5 * minuteMs,
    acts: ways.map(wrong),
    harmless: [...ways.map(right), ...others],
    groups: ['source', 'destination'],
  })
}

function smbSignIn(wire: Wire, { from, to, user, isRight }: SignIn): void {
  new SmbTalk(wire, from, to).signIn({ user }, isRight).end()
}

/** Wrong ones until one fits: the same way in, within the time the rule gives. */
function guessed(way: Way, more: (wire: Wire) => void): Captures {
  const attempt = (wire: Wire, isRight: boolean, from = '10.20.9.66', to = '10.20.3.15') =>
    way(wire, { from, to, user: 'admin', password: isRight ? 'fits' : 'guess', isRight })
  const misses = (wire: Wire, count: number, spanMs = 10_000, other: Way = way) => {
    const startMs = wire.nowMs
    for (let index = 0; index < count; index++) {
      wire.until(startMs + (spanMs * index) / (count - 1))
      other(wire, { from: '10.20.9.66', to: '10.20.3.15', user: 'admin', password: 'guess', isRight: false })
    }
  }
  return {
    fires(wire) {
      misses(wire, 10)
      wire.wait(9.5 * minuteMs)
      attempt(wire, true)
      wire.scenario()
      misses(wire, 10, 4.75 * minuteMs)
      wire.wait(1_000)
      attempt(wire, true)
    },
    silent(wire) {
      misses(wire, 10)
      wire.wait(10.5 * minuteMs)
      attempt(wire, true)
      wire.scenario()
      misses(wire, 10, 5.25 * minuteMs)
      wire.wait(1_000)
      attempt(wire, true)
      wire.scenario()
      misses(wire, 10, 10_000, ftpSignIn)
      attempt(wire, true)
      wire.scenario()
      misses(wire, 10)
      ftpSignIn(wire, { from: '10.20.9.66', to: '10.20.3.15', user: 'admin', password: 'fits', isRight: true })
      wire.scenario()
      // Someone else, somewhere else, one too few, the other way round.
      misses(wire, 10)
      attempt(wire, true, '10.20.1.7')
      wire.scenario()
      misses(wire, 10)
      attempt(wire, true, '10.20.9.66', '10.20.3.16')
      wire.scenario()
      misses(wire, 9)
      attempt(wire, true)
      wire.scenario()
      attempt(wire, true)
      misses(wire, 10)
      wire.scenario()
      misses(wire, 20)
      more(wire)
    },
  }
}

export const guesses: Record<string, Captures> = {
  'ftp-guessing': guessing([ftpSignIn], [ftpMiss]),
  'mail-guessing': guessing([pop3SignIn, imapSignIn, smtpSignIn], [wrong(ftpSignIn)]),
  'database-guessing': guessing([mysqlSignIn, postgresqlSignIn, mssqlSignIn, redisSignIn], [wrong(ftpSignIn)]),
  'smb-guessing': guessing([smbSignIn]),
  'smb-spraying': counted({
    count: 10,
    timespanMs: 10 * minuteMs,
    acts: [
      (wire, { from, to, value }) => smbSignIn(wire, { from, to, user: `user${value}`, password: '', isRight: false }),
    ],
    harmless: [
      (wire, { from, to, value }) => smbSignIn(wire, { from, to, user: `user${value}`, password: '', isRight: true }),
    ],
    groups: ['source'],
    isOfValues: true,
  }),
  'password-guessed': guessed(mysqlSignIn, (wire) => {
    wire.scenario()
    // A service that renews its sessions: no refusal at all.
    for (let index = 0; index < 20; index++)
      mysqlSignIn(wire, { from: '10.20.1.9', to: '10.20.3.15', user: 'app', isRight: true })
  }),
  'one-account-on-many-hosts': counted({
    count: 5,
    timespanMs: 10 * minuteMs,
    acts: ['svc-backup', 'svc$backup'].map(
      (user): Doing =>
        (wire, { from, value }) =>
          new SmbTalk(wire, from, `10.20.6.${1 + value}`).signIn({ user, workstation: 'KALI' }).end(),
    ),
    harmless: [
      // Every time another account, as on a terminal server.
      (wire, { from, value }) => new SmbTalk(wire, from, `10.20.6.${1 + value}`).signIn({ user: `user${value}` }).end(),
      (wire, { from, value }) =>
        new SmbTalk(wire, from, `10.20.6.${1 + value}`).signIn({ user: 'svc-backup' }, false).end(),
      // Computers look for their policies.
      (wire, { from, value }) => new SmbTalk(wire, from, `10.20.6.${1 + value}`).signIn({ user: 'WS-0417$' }).end(),
    ],
    groups: ['source'],
    isOfValues: true,
  }),
}
