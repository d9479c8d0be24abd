import fc from 'fast-check'
import { expect, test } from 'vitest'
import { conversation, frame, pcap } from '../captures-for-tests.ts'
import { captureRecords } from '../read-capture.ts'
import type { TrafficRecord } from '../record.ts'

type Said = ['>' | '<', string | Uint8Array][]

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
const utf16 = (text: string) => Buffer.from(text, 'utf16le')

async function read(bytes: Uint8Array): Promise<{ records: TrafficRecord[]; failures: unknown[] }> {
  async function* pieces() {
    yield bytes
  }
  const records: TrafficRecord[] = []
  const failures: unknown[] = []
  for await (const record of captureRecords(
    pieces(),
    () => undefined,
    (error) => failures.push(error),
  ))
    records.push(record)
  return { records, failures }
}

function datagramFrames(said: Said, destinationPort: number): Buffer[] {
  return said.map(([side, payload]) =>
    side === '>'
      ? frame({ protocol: 'udp', sourcePort: 40_000, destinationPort, payload })
      : frame({
          protocol: 'udp',
          source: '198.51.100.1',
          destination: '192.0.2.1',
          sourcePort: destinationPort,
          destinationPort: 40_000,
          payload,
        }),
  )
}

const smbHeader = (command: number, isAnswer: boolean, id: number, tree: number) => {
  const header = Buffer.alloc(64)
  header.write('\xfeSMB', 0, 'latin1')
  header.writeUInt16LE(64, 4)
  header.writeUInt16LE(command, 12)
  header.writeUInt32LE(isAnswer ? 1 : 0, 16)
  header.writeUInt32LE(id, 24)
  header.writeUInt32LE(tree, 36)
  return header
}
const smbFrame = (...parts: Uint8Array[]) => {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([0, body.length >> 16, (body.length >> 8) & 255, body.length & 255]), body])
}
const share = utf16('\\\\files\\plans')
const name = utf16('budget\\2026.xlsx')
const treeConnect = Buffer.alloc(8)
treeConnect.writeUInt16LE(72, 4)
treeConnect.writeUInt16LE(share.length, 6)
const create = Buffer.alloc(56)
create.writeUInt16LE(120, 44)
create.writeUInt16LE(name.length, 46)
const created = Buffer.alloc(88, 1)
created.writeBigUInt64LE(4_096n, 48)

/** A conversation of each protocol, by hand from its document, and what it must tell. */
const spoken: [dataset: string, port: number, said: Said, wanted: Record<string, unknown>][] = [
  ['ssh', 2_222, [['<', 'SSH-2.0-OpenSSH_9.2\r\n'], ['>', 'SSH-2.0-libssh2_1.10\r\n']], { 'zeek.client': 'SSH-2.0-libssh2_1.10', 'zeek.server': 'SSH-2.0-OpenSSH_9.2' }],
  ['ftp', 21, [['<', '220 FTP ready\r\n'], ['>', 'USER wang\r\n'], ['<', '331 password\r\n'], ['>', 'PASS secret\r\n'], ['<', '530 refused\r\n']], { 'event.action': 'PASS', 'user.name': 'wang', 'event.outcome': 'failure', 'traffic.cleartext_password': true }],
  ['smtp', 25, [['<', '220 mx ESMTP\r\n'], ['>', 'EHLO pc\r\n'], ['<', '250 ok\r\n'], ['>', 'MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n'], ['<', '250 ok\r\n250 ok\r\n354 go\r\n'], ['>', 'Subject: =?utf-8?B?6YCa55+l?=\r\nFrom: a@x.example\r\n\r\nhello\r\n.\r\n'], ['<', '250 queued\r\n']], { 'email.subject': '通知', 'zeek.mailfrom': 'a@x.example', 'zeek.rcptto': ['b@y.example'], 'event.outcome': 'success' }],
  ['pop3', 110, [['<', '+OK ready\r\n'], ['>', 'USER li\r\n'], ['<', '+OK\r\n'], ['>', 'PASS x\r\n'], ['<', '+OK in\r\n']], { 'user.name': 'li', 'event.outcome': 'success' }],
  ['imap', 143, [['<', '* OK ready\r\n'], ['>', 'a1 LOGIN zhao x\r\n'], ['<', 'a1 NO refused\r\n']], { 'user.name': 'zhao', 'event.outcome': 'failure' }],
  ['redis', 6_379, [['>', '*3\r\n$6\r\nCONFIG\r\n$3\r\nSET\r\n$3\r\ndir\r\n'], ['<', '+OK\r\n']], { 'traffic.database.statement': 'CONFIG SET dir' }],
  ['stratum', 3_333, [['>', '{"id":1,"method":"mining.subscribe","params":["miner/1.0"]}\n']], { 'event.action': 'mining.subscribe', 'user_agent.original': 'miner/1.0' }],
  ['irc', 6_667, [['>', 'NICK bot1\r\nUSER bot1 0 * :b\r\n'], ['>', 'JOIN #x\r\n']], { 'event.action': 'NICK', 'zeek.nick': 'bot1' }],
  ['telnet', 23, [['<', hex('fffd18')], ['<', 'login: '], ['>', 'root\r\n'], ['<', 'Password: '], ['>', 'x\r\n'], ['<', 'Login incorrect\r\n']], { 'user.name': 'root', 'event.outcome': 'failure' }],
  ['socks', 1_080, [['>', hex('050100')], ['<', hex('0500')], ['>', Buffer.concat([hex('0501000309'), Buffer.from('x.example'), hex('01bb')])], ['<', hex('05000001 00000000 0000')]], { 'zeek.request_host': 'x.example', 'zeek.request_p': 443 }],
  ['rdp', 3_389, [['>', Buffer.concat([hex('0300002b26e00000000000'), Buffer.from('Cookie: mstshash=chen\r\n'), hex('0100080003000000')])], ['<', hex('030000130ed000001234000200080002000000')]], { 'user.name': 'chen', 'zeek.security_protocol': 'hybrid' }],
  ['postgresql', 5_432, [['>', Buffer.concat([hex('0000001600030000'), Buffer.from('user\0gov\0\0\0\0\0')])], ['<', hex('520000000800000000')]], { 'user.name': 'gov', 'event.outcome': 'success' }],
  ['mysql', 3_306, [['<', Buffer.concat([hex('0d0000000a'), Buffer.from('8.0.36\0'), hex('0000000000')])]], {}],
  ['bittorrent', 6_881, [['>', Buffer.concat([Buffer.from('\x13BitTorrent protocol'), Buffer.alloc(48, 7)])]], { 'event.action': 'handshake' }],
  ['modbus', 502, [['>', hex('000100000006 01 06 0010 00ff')]], { 'event.action': 'WRITE_SINGLE_REGISTER', 'traffic.industrial.is_write': true, 'traffic.industrial.address': 16 }],
  ['iec104', 2_404, [['>', hex('680407000000')], ['>', hex('680e 0000 0000 2d01 0600 0100 010000 01')]], { 'event.action': 'C_SC_NA_1', 'traffic.industrial.is_write': true }],
  ['smb', 445, [
    ['>', smbFrame(smbHeader(3, false, 1, 0), treeConnect, share)],
    ['<', smbFrame(smbHeader(3, true, 1, 7), hex('1000010000000000'))],
    ['>', smbFrame(smbHeader(5, false, 2, 7), create, name)],
    ['<', smbFrame(smbHeader(5, true, 2, 7), created)],
  ], { 'zeek.path': '\\\\files\\plans', 'zeek.name': 'budget\\2026.xlsx', 'zeek.action': 'SMB::FILE_OPEN', 'file.size': 4_096 }],
] // biome-ignore format: a table

const datagramsSpoken: [dataset: string, port: number, said: Said, wanted: Record<string, unknown>][] = [
  ['dns', 53, [['>', hex('0001010000010000000000000161 0362 6364 00 0001 0001')]], { 'dns.type': 'query', 'dns.question.name': 'a.bcd' }],
  ['sip', 5_060, [['>', 'REGISTER sip:gov.example SIP/2.0\r\nUser-Agent: friendly-scanner\r\n\r\n']], { 'event.action': 'REGISTER', 'user_agent.original': 'friendly-scanner' }],
  ['ssdp', 1_900, [['>', 'M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n\r\n']], { 'traffic.ssdp.target': 'ssdp:all' }],
  ['snmp', 161, [['>', hex('301a02010104067075626c6963a00d02010102010002010030023000')]], { 'event.action': 'get', 'traffic.snmp.default_community': true }],
  ['ntp', 123, [['>', hex('1700032a00000000')]], { 'zeek.mode': 7, 'traffic.ntp.request_code': 42 }],
  ['tftp', 69, [['>', '\0\x01startup-config\0octet\0']], { 'file.path': 'startup-config', 'event.action': 'read' }],
  ['wireguard', 51_820, [['>', Buffer.concat([hex('01000000'), Buffer.alloc(144, 9)])]], { 'event.action': 'handshake_initiation' }],
  ['bacnet', 47_808, [['>', hex('810b000c0120ffff00ff1008')]], { 'event.action': 'WHO_IS' }],
] // biome-ignore format: a table

const all = [
  ...spoken.map((row) => ({ row, frames: conversation(row[2], { destinationPort: row[1] }) })),
  ...datagramsSpoken.map((row) => ({ row, frames: datagramFrames(row[2], row[1]) })),
]

test.each(all)('$row.0 is found and tells what was said', async ({ row: [dataset, , , wanted], frames }) => {
  const { records, failures } = await read(pcap(frames))
  expect(failures).toEqual([])
  if (Object.keys(wanted).length === 0)
    return expect(records.find((record) => record.dataset === 'flow')!.fields['network.protocol']).toBe(dataset)
  const told = records.filter((record) => record.dataset === dataset).map(({ fields }) => fields)
  expect(told).toContainEqual(expect.objectContaining(wanted))
})

test('a protocol is known by what is said, not by its port', async () => {
  for (const { row } of all.filter(({ row: [dataset] }) =>
    ['ssh', 'stratum', 'bittorrent', 'smb', 'socks', 'redis'].includes(dataset),
  )) {
    const { records } = await read(pcap(conversation(row[2], { destinationPort: 34_567 })))
    expect(records.map((record) => record.dataset)).toContain(row[0])
  }
})

test('no change of what is said makes a dissector fail', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(all.length - 1),
      fc.array(fc.tuple(fc.nat(2_000), fc.nat(255)), { minLength: 1, maxLength: 12 }),
      fc.nat(400),
      async (which, changes, cut) => {
        const frames = all[which]!.frames.map((bytes) => Buffer.from(bytes))
        for (const [at, value] of changes) {
          const bytes = frames[at % frames.length]!
          // Behind the headers, so that the change reaches the dissector.
          if (bytes.length > 54) bytes[54 + (at % (bytes.length - 54))] = value
        }
        const { failures } = await read(pcap(frames).subarray(0, -1 - cut))
        expect(failures).toEqual([])
      },
    ),
    { numRuns: 1_500, seed: 23 },
  )
})
