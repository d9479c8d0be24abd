import { interfaces, kerberos, rpcCall, SmbTalk, type TicketParts } from '../protocols/windows.ts'
import { type Captures, single } from '../scenario.ts'
import type { Wire } from '../wire.ts'

const ends = { from: '10.20.9.66', to: '10.20.3.15' }
const minuteMs = 60_000
const program = Buffer.concat([
  Buffer.from('MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0', 'latin1'),
  Buffer.alloc(600, 0x90),
])
const createService = 12
const startService = 19

function putFile(wire: Wire, share: string, name: string, to = ends.to): void {
  new SmbTalk(wire, ends.from, to)
    .signIn({ user: 'ops' })
    .tree(`\\\\${to}\\${share}`)
    .open(name)
    .write(program)
    .close()
    .end()
}

function service(wire: Wire, operation: number, to = ends.to, from = ends.from): void {
  new SmbTalk(wire, from, to)
    .signIn({ user: 'ops' })
    .tree(`\\\\${to}\\IPC$`, true)
    .open('svcctl')
    .call(interfaces.serviceControl, operation)
    .close()
    .end()
}

const ticket = (wire: Wire, more: Partial<TicketParts>) =>
  kerberos(wire, {
    ...{ from: ends.from, to: '10.20.0.2', kind: 'AS', user: 'zhang.wei', preAuthentication: [128], requested: [23] },
    ...{ answer: { cipher: 18 } },
    ...more,
  })

export const lateral: Record<string, Captures> = {
  'program-then-service': {
    fires(wire) {
      for (const operation of [createService, startService]) {
        for (const share of ['ADMIN$', 'C$']) {
          putFile(wire, share, 'Temp\\PSEXESVC.exe')
          wire.wait(1.9 * minuteMs)
          service(wire, operation)
          wire.scenario()
        }
      }
      for (const name of ['drv.sys', 'lib.dll']) {
        putFile(wire, 'ADMIN$', name)
        service(wire, createService)
        wire.scenario()
      }
    },
    silent(wire) {
      putFile(wire, 'ADMIN$', 'PSEXESVC.exe')
      wire.wait(2.1 * minuteMs)
      service(wire, createService)
      wire.scenario()
      // Another host; another file; a share of files; a query; the other way round; someone else.
      putFile(wire, 'ADMIN$', 'PSEXESVC.exe')
      service(wire, createService, '10.20.3.16')
      wire.scenario()
      putFile(wire, 'ADMIN$', 'notes.exe.txt')
      service(wire, createService)
      wire.scenario()
      for (const share of ['public', 'a$b']) {
        putFile(wire, share, 'setup.exe')
        service(wire, createService)
        wire.scenario()
      }
      putFile(wire, 'ADMIN$', 'PSEXESVC.exe')
      service(wire, 17)
      wire.scenario()
      service(wire, createService)
      wire.wait(1_000)
      putFile(wire, 'ADMIN$', 'PSEXESVC.exe')
      wire.scenario()
      putFile(wire, 'ADMIN$', 'PSEXESVC.exe')
      service(wire, createService, ends.to, '10.20.9.67')
      wire.scenario()
      new SmbTalk(wire, ends.from, ends.to)
        .signIn({ user: 'ops' })
        .tree(`\\\\${ends.to}\\ADMIN$`)
        .open('a.exe')
        .close()
        .end()
      service(wire, createService)
      wire.scenario()
      // A scanner of services looks at the same number of another interface.
      putFile(wire, 'ADMIN$', 'PSEXESVC.exe')
      rpcCall(wire, ends.from, ends.to, interfaces.registry, [createService])
    },
  },
  'wmi-process-started': single(
    (wire) => {
      rpcCall(wire, ends.from, ends.to, interfaces.management, [6, 24])
      rpcCall(wire, ends.from, ends.to, interfaces.management, [25])
    },
    (wire) => {
      rpcCall(wire, ends.from, ends.to, interfaces.management, [20, 6])
      rpcCall(wire, ends.from, ends.to, interfaces.tasks, [1])
      rpcCall(wire, ends.from, ends.to, interfaces.serviceControl, [24])
    },
  ),
  'directory-replicated': single(
    (wire) => rpcCall(wire, ends.from, '10.20.0.2', interfaces.replication, [0, 3, 1]),
    (wire) => {
      rpcCall(wire, ends.from, '10.20.0.2', interfaces.replication, [0, 12, 1])
      rpcCall(wire, ends.from, '10.20.0.2', interfaces.workstation, [3])
    },
  ),
  'registry-saved-remotely': single(
    (wire) => {
      for (const operation of [20, 31]) {
        const talk = new SmbTalk(wire, ends.from, ends.to).signIn({ user: 'ops' }).tree(`\\\\${ends.to}\\IPC$`, true)
        talk.open('winreg').call(interfaces.registry, operation).close().end()
      }
    },
    (wire) => {
      rpcCall(wire, ends.from, ends.to, interfaces.registry, [2, 15, 17])
      rpcCall(wire, ends.from, ends.to, interfaces.serviceControl, [20])
    },
  ),
  'ticket-without-proof': single(
    (wire) => {
      ticket(wire, {})
      ticket(wire, { preAuthentication: [128, 149], answer: { cipher: 23 } })
    },
    (wire) => {
      // The ordinary way: an encrypted time; a smart card, old and new; armoured; refused; a service ticket.
      ticket(wire, { preAuthentication: [2, 128] })
      ticket(wire, { preAuthentication: [16] })
      ticket(wire, { preAuthentication: [17] })
      ticket(wire, { preAuthentication: [136] })
      ticket(wire, { answer: { error: 25 } })
      ticket(wire, { kind: 'TGS', preAuthentication: [1], service: 'http/portal.gov.example' })
    },
  ),
  'worm-spreads': {
    fires: (wire) => spread(wire, {}),
    silent(wire) {
      spread(wire, { pauseMs: 10.5 * minuteMs })
      wire.scenario()
      spread(wire, { by: '10.20.3.44' })
      wire.scenario()
      spread(wire, { hosts: 19 })
      wire.scenario()
      spread(wire, { withinMs: 2.1 * minuteMs })
      wire.scenario()
      spread(wire, { isFirstLast: true })
      wire.scenario()
      spread(wire, { isFirstRefused: true })
      wire.scenario()
      spread(wire, { port: 443 })
      wire.scenario()
      spread(wire, { sameHost: true })
      wire.scenario()
      spread(wire, { firstPort: 80 })
      wire.scenario()
      // A server that is asked and asks others, who all answer.
      spread(wire, { areAnswered: true })
      wire.scenario()
      // Two hosts of the house look around half each.
      visit(wire, '10.20.9.66', '10.20.3.15', 445)
      wire.wait(1_000)
      for (let index = 0; index < 20; index++)
        tryPort(wire, index % 2 ? '10.20.3.15' : '10.20.3.16', `10.20.7.${1 + index}`, 445)
      wire.scenario()
      // Ports of two kinds.
      visit(wire, '10.20.9.66', '10.20.3.15', 445)
      wire.wait(1_000)
      for (let index = 0; index < 20; index++)
        tryPort(wire, '10.20.3.15', `10.20.7.${1 + index}`, index % 2 ? 445 : 3389)
      wire.scenario()
      for (let index = 0; index < 30; index++) tryPort(wire, '10.20.3.15', `10.20.7.${1 + index}`, 445)
    },
  },
}

function visit(wire: Wire, from: string, to: string, port: number): void {
  wire.tcp({ from, to, port }).send(Buffer.alloc(700, 0x41)).receive(Buffer.alloc(90, 0x42)).close()
}

function tryPort(wire: Wire, from: string, to: string, port: number): void {
  const talk = wire.tcp({ from, to, port })
  wire.segment(from, to, talk.ports, 2, { sequence: 1 })
}

interface Spread {
  pauseMs?: number
  by?: string
  hosts?: number
  withinMs?: number
  isFirstLast?: boolean
  isFirstRefused?: boolean
  port?: number
  firstPort?: number
  sameHost?: boolean
  areAnswered?: boolean
}

/** A host is attacked on a port and then tries the same port of many. */
function spread(
  wire: Wire,
  { pauseMs = 9.5 * minuteMs, by = '10.20.3.15', hosts = 20, withinMs = 1.9 * minuteMs, port = 445, ...more }: Spread,
): void {
  const first = () => (more.isFirstRefused ? tryPort : visit)(wire, '10.20.9.66', '10.20.3.15', more.firstPort ?? port)
  if (!more.isFirstLast) first()
  if (!more.isFirstLast) wire.wait(pauseMs - withinMs)
  const startMs = wire.nowMs
  for (let index = 0; index < hosts; index++) {
    wire.until(startMs + (withinMs * index) / (hosts - 1))
    const act = more.areAnswered ? visit : tryPort
    act(wire, by, more.sameHost ? '10.20.7.1' : `10.20.7.${1 + index}`, port)
  }
  if (more.isFirstLast) {
    wire.wait(1_000)
    first()
  }
}
