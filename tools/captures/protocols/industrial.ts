import type { Wire } from '../wire.ts'

interface Ends {
  from: string
  to: string
}

/** One Modbus request and its answer (Modbus Application Protocol 1.1b3). */
export function modbus(wire: Wire, { from, to }: Ends, functionCode: number, data = '00100001'): void {
  const message = (body: Buffer) =>
    Buffer.concat([Buffer.from([0, 1, 0, 0, 0, 2 + body.length, 1, functionCode]), body])
  wire
    .tcp({ from, to, port: 502 })
    .send(message(Buffer.from(data, 'hex')))
    .receive(message(Buffer.from(data, 'hex')))
    .close()
}

/** A connection to a controller and one S7 job (RFC 1006 around it). */
export function s7(
  wire: Wire,
  { from, to }: Ends,
  functionCode: number,
  parameter = '00000000000009505f50524f4752414d',
): void {
  const packet = (body: Buffer) => Buffer.concat([Buffer.from([3, 0, 0, 4 + body.length]), body])
  const job = (bytes: Buffer) =>
    packet(Buffer.concat([Buffer.from('02f080320100000001', 'hex'), Buffer.from([0, bytes.length, 0, 0]), bytes]))
  wire
    .tcp({ from, to, port: 102 })
    .send(packet(Buffer.from('11e00000000100c0010ac1020100c2020102', 'hex')))
    .receive(packet(Buffer.from('11d00001000200c0010ac1020100c2020102', 'hex')))
    .send(job(Buffer.from('f0000001000101e0', 'hex')))
    .receive(packet(Buffer.from('02f0803203000000010008000000000000f0000001000100f0', 'hex')))
    .send(job(Buffer.concat([Buffer.from([functionCode]), Buffer.from(parameter, 'hex')])))
    .receive(packet(Buffer.from('02f0803203000000010001000000', 'hex')))
    .close()
}

/** An IEC 104 connection with one command, and its confirmation (IEC 60870-5-104). */
export function iec104(wire: Wire, { from, to }: Ends, type: number, cause = 6): void {
  const act = (why: number) => Buffer.from([0x68, 14, 0, 0, 0, 0, type, 1, why, 0, 1, 0, 0x10, 0, 0, 1])
  wire
    .tcp({ from, to, port: 2404 })
    .send(Buffer.from('680407000000', 'hex'))
    .receive(Buffer.from('68040b000000', 'hex'))
    .send(act(cause))
    .receive(act(cause + 1))
    .close()
}

/** One DNP3 request (IEEE 1815); the check sums are left zero, as the reader does not look at them. */
export function dnp3(wire: Wire, { from, to }: Ends, functionCode: number): void {
  const user = Buffer.from([0xc0, 0xc1, functionCode, 0x0c, 0x01, 0x28, 1, 0])
  const message = Buffer.concat([
    Buffer.from([0x05, 0x64, 5 + user.length, 0xc4, 10, 0, 1, 0, 0, 0]),
    user,
    Buffer.alloc(2),
  ])
  wire.tcp({ from, to, port: 20_000 }).send(message).close()
}
