import { lookUp } from '../protocols/dns.ts'
import { ftpSignIn, http, pop3SignIn, smtpSignIn, ssh } from '../protocols/text.ts'
import { tls } from '../protocols/tls.ts'
import { type Captures, single } from '../scenario.ts'
import type { Wire } from '../wire.ts'

const inside = '10.20.1.7'
const outside = '198.51.100.9'
const insides = [
  ...['10.20.0.9', '172.16.0.9', '192.168.0.9', '100.64.0.9'].map((to) => ({ from: inside, to })),
  { from: 'fd00:0:0:0:0:0:0:7', to: 'fd00:0:0:0:0:0:0:9' },
]

function upload(wire: Wire, to: string, name: string, content: Uint8Array, from = inside): void {
  http(wire, {
    ...{ from, to, method: 'PUT', target: `/drop/${encodeURIComponent(name)}`, host: 'share.example.org' },
    headers: { 'Content-Disposition': `attachment; filename="${name}"`, 'Content-Type': 'application/octet-stream' },
    body: content,
  })
}

const zip = Buffer.concat([Buffer.from('PK\x03\x04\x14\0\x01\0\x08\0', 'latin1'), Buffer.alloc(400, 0x7a)])
const sevenZip = Buffer.concat([Buffer.from('377abcaf271c0004', 'hex'), Buffer.alloc(400, 0x7a)])
const rar = Buffer.concat([Buffer.from('526172211a070100', 'hex'), Buffer.alloc(400, 0x7a)])
const picture = Buffer.concat([Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), Buffer.alloc(400, 1)])

function mining(wire: Wire, line: string): void {
  wire
    .tcp({ from: inside, to: outside, port: 3333 })
    .send(`${line}\n`)
    .receive('{"id":1,"jsonrpc":"2.0","result":true,"error":null}\n')
    .close()
}

const windowsProgram = Buffer.concat([
  Buffer.from('MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0', 'latin1'),
  Buffer.alloc(600, 0x90),
])
const linuxProgram = Buffer.concat([
  Buffer.from('7f454c4602010100000000000000000003003e00', 'hex'),
  Buffer.alloc(600, 0x90),
])

function download(wire: Wire, host: string, answer: Uint8Array, to = outside): void {
  http(wire, { from: to.includes(':') ? 'fd00:0:0:0:0:0:0:7' : inside, to, host, target: '/u/update', answer })
}

export const leaks: Record<string, Captures> = {
  'program-fetched-from-address': single(
    (wire) => {
      for (const program of [windowsProgram, linuxProgram]) download(wire, outside, program)
      download(wire, `${outside}:8080`, windowsProgram)
    },
    (wire) => {
      download(wire, 'downloads.example.net', windowsProgram)
      download(wire, `${outside}.example.net`, windowsProgram)
      download(wire, `x${outside}`, windowsProgram)
      download(wire, outside, picture)
      for (const { to } of insides) download(wire, '10.20.0.9', windowsProgram, to)
      http(wire, { from: inside, to: outside, host: outside, method: 'PUT', target: '/u', body: windowsProgram })
    },
  ),
  'archive-sent-outside': single(
    (wire) => {
      for (const content of [zip, sevenZip, rar]) upload(wire, outside, 'backup.bin', content)
    },
    (wire) => {
      for (const ends of insides) upload(wire, ends.to, 'backup.bin', zip, ends.from)
      upload(wire, outside, 'picture.bin', picture)
      http(wire, {
        from: inside,
        to: outside,
        target: '/tool.zip',
        answer: zip,
        answerHeaders: { 'Content-Type': 'application/zip' },
      })
    },
  ),
  'marked-document-sent-outside': single(
    (wire) => {
      for (const mark of ['机密', '秘密', '绝密', '内部资料', '身份证', '花名册', 'confidential'])
        upload(wire, outside, `2026-${mark}.docx`, picture)
    },
    (wire) => {
      for (const ends of insides) upload(wire, ends.to, '机密-2026.docx', picture, ends.from)
      upload(wire, outside, '公开通知-2026.docx', picture)
      http(wire, {
        ...{ from: inside, to: outside, target: '/a', answer: picture },
        answerHeaders: { 'Content-Disposition': 'attachment; filename="confidential.pdf"' },
      })
    },
  ),
  'miner-talks-to-pool': single(
    (wire) => {
      mining(wire, '{"id":1,"method":"mining.subscribe","params":["cpuminer/2.5.1"]}')
      mining(
        wire,
        '{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"44abc","pass":"x","agent":"XMRig/6.21.0","algo":["rx/0"]}}',
      )
    },
    (wire) => {
      mining(wire, '{"id":1,"jsonrpc":"2.0","method":"session.start","params":{"user":"a"}}')
      http(wire, {
        from: inside,
        to: outside,
        method: 'POST',
        target: '/rpc',
        body: '{"id":1,"method":"eth_getWork","params":[]}',
      })
    },
  ),
  'password-in-clear-outside': single(
    (wire) => {
      ftpSignIn(wire, { from: inside, to: outside, user: 'report', password: 'spring', isRight: true })
      pop3SignIn(wire, { from: inside, to: outside, user: 'report', password: 'spring', isRight: false })
      http(wire, {
        from: inside,
        to: outside,
        headers: { Authorization: `Basic ${Buffer.from('report:spring').toString('base64')}` },
      })
    },
    (wire) => {
      for (const ends of insides) ftpSignIn(wire, { ...ends, user: 'report', password: 'spring', isRight: true })
      http(wire, {
        from: inside,
        to: '10.20.0.9',
        headers: { Authorization: `Basic ${Buffer.from('report:spring').toString('base64')}` },
      })
      http(wire, { from: inside, to: outside, headers: { Authorization: 'Bearer abc' } })
      ftpSignIn(wire, { from: inside, to: outside, user: 'anonymous', password: '', isRight: true })
    },
  ),
  'tls-weak-cipher': single(
    (wire) => {
      // RC4, 3DES, none at all, for export, without a certificate.
      for (const cipher of [0x0005, 0x000a, 0x0002, 0x0008, 0x001a])
        tls(wire.tcp({ from: inside, to: outside, port: 443 }), {
          serverName: 'old.example',
          cipher,
          ciphers: [cipher, 0xc02f],
        }).close()
    },
    (wire) => {
      for (const cipher of [0x1301, 0xc02f, 0xc013])
        tls(wire.tcp({ from: inside, to: outside, port: 443 }), {
          serverName: 'new.example',
          cipher,
          ciphers: [0x1301, 0x0005, cipher],
        }).close()
      http(wire, { from: inside, to: outside, target: '/RC4' })
    },
  ),
  'protocol-on-foreign-port': single(
    (wire) => {
      for (const port of [53, 80, 123, 443]) ssh(wire, { from: inside, to: outside, port })
      for (const port of [25, 53, 123]) http(wire, { from: inside, to: outside, port })
      for (const port of [25, 53, 80, 123])
        tls(wire.tcp({ from: inside, to: outside, port }), { serverName: 'x.example' }).close()
      for (const port of [53, 80, 123, 443])
        wire
          .tcp({ from: inside, to: outside, port })
          .send(Buffer.from('050100', 'hex'))
          .receive(Buffer.from('0500', 'hex'))
          .send(Buffer.from('05010003076578616d706c650050', 'hex'))
          .close()
    },
    (wire) => {
      ssh(wire, { from: inside, to: outside })
      ssh(wire, { from: inside, to: outside, port: 2222 })
      http(wire, { from: inside, to: outside })
      http(wire, { from: inside, to: outside, port: 8080 })
      smtpSignIn(wire, { from: inside, to: outside, user: 'a', password: 'b', isRight: true })
      lookUp(wire, { from: inside, server: outside, name: 'www.example.net' })
      tls(wire.tcp({ from: inside, to: outside, port: 443 }), { serverName: 'x.example' }).close()
      wire
        .tcp({ from: inside, to: outside, port: 1080 })
        .send(Buffer.from('050100', 'hex'))
        .receive(Buffer.from('0500', 'hex'))
        .close()
      wire
        .tcp({ from: inside, to: outside, port: 443 })
        .send('hello there, nobody knows this\n')
        .receive('so it is\n')
        .close()
    },
  ),
}
