import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { CodedError } from '../../event/errors.ts'
import { decodeRawRecord, type RawRecord } from '../../event/raw-record.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { createSyslogCollector, type SyslogCollector } from './collector.ts'
import type { SyslogLimits } from './limits.ts'

let collector: SyslogCollector | undefined
afterEach(async () => {
  await collector?.close()
  collector = undefined
})

async function start(limits: Partial<SyslogLimits> = {}, refuse: () => CodedError | undefined = () => undefined) {
  const records: RawRecord[] = []
  const publish = async (batch: Uint8Array[]) => {
    const refusal = refuse()
    if (refusal) throw refusal
    records.push(...batch.map(decodeRawRecord))
  }
  collector = await createSyslogCollector({ bind: '127.0.0.1', port: 0, publish, clock: systemClock, limits })
  return {
    collector,
    port: collector.address().port,
    records,
    bodies: () => records.map((record) => Buffer.from(record.body).toString()),
  }
}

function sendTcp(port: number, data: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(data))
    socket.on('close', () => resolve())
    socket.on('error', reject)
    socket.resume()
  })
}

async function sendUdp(port: number, messages: string[]): Promise<void> {
  const socket = createSocket('udp4')
  for (const message of messages) {
    await new Promise<void>((resolve, reject) =>
      socket.send(message, port, '127.0.0.1', (error) => (error ? reject(error) : resolve())),
    )
  }
  socket.close()
}

async function until(condition: () => boolean, timeoutMs = 25_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('the condition did not come true')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('createSyslogCollector', () => {
  it('takes UDP and TCP on one port number and keeps sender, transport and PRI', async () => {
    const { port, records, collector } = await start()
    await sendUdp(port, ['<34>datagram\n', '<34>two\nlines\0', '\n'])
    await sendTcp(port, '<13>line\n14 <13>octets\nabc')
    await until(() => records.length === 4 && collector.counters().udpDroppedEmpty === 1)
    expect(
      records
        .map(({ transport, sender, source, body }) => [transport, sender, source, Buffer.from(body).toString()])
        .sort(),
    ).toEqual([
      ['syslog-tcp', '127.0.0.1', '', '<13>line'],
      ['syslog-tcp', '127.0.0.1', '', '<13>octets\nabc'],
      ['syslog-udp', '127.0.0.1', '', '<34>datagram'],
      ['syslog-udp', '127.0.0.1', '', '<34>two\nlines'],
    ])
    expect(collector.counters()).toMatchObject({ udpRecords: 2, tcpRecords: 2, publishedRecords: 4, pendingRecords: 0 })
  })

  it('hands on the last line of a connection that stays open', async () => {
    const { port, bodies } = await start({ continuationMs: 20 })
    const socket = connect(port, '127.0.0.1')
    socket.write('<1>error\n')
    await until(() => bodies().length === 1)
    socket.write('<1>trace\n\tat one\n')
    await until(() => bodies().length === 2)
    expect(bodies()).toEqual(['<1>error', '<1>trace\n\tat one'])
    socket.destroy()
  })

  it('pauses TCP while the bus refuses, and loses nothing', async () => {
    let refuses = true
    const { port, bodies, collector } = await start({}, () =>
      refuses ? new CodedError('BUS_FULL', 'full') : undefined,
    )
    const lines = Array.from({ length: 600 }, (_, index) => `<1>${index} ${'x'.repeat(100_000)}`)
    const sent = sendTcp(port, `${lines.join('\n')}\n`)
    await until(() => collector.counters().tcpPauses > 0 && collector.counters().publishRetries > 1)
    const { pendingBytes } = collector.counters()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(collector.counters().pendingBytes).toBeLessThan(pendingBytes + (1 << 20))
    refuses = false
    await sent
    await until(() => bodies().length === 600, 60_000)
    expect(bodies()).toEqual(lines)
  }, 120_000)

  it('drops and counts datagrams when the queue is at its bound', async () => {
    const { port, collector } = await start(
      { udpPendingBytes: 1_000, closeMs: 10 },
      () => new CodedError('BUS_UNWRITABLE', 'disk full'),
    )
    await sendUdp(
      port,
      Array.from({ length: 30 }, () => 'x'.repeat(100)),
    )
    await until(() => collector.counters().udpDroppedQueueFull + collector.counters().udpRecords === 30)
    expect(collector.counters().udpDroppedQueueFull).toBeGreaterThan(10)
    const last = collector
    await collector.close()
    expect(last.counters().lostAtClose).toBe(last.counters().udpRecords)
  })

  it('shows what the kernel dropped', async () => {
    const { port, collector } = await start({ udpReceiveBufferBytes: 64 << 10 })
    if (process.platform !== 'linux') return expect(collector.counters().udpDroppedKernel).toBeNull()
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, resolve))
    let sent = 0
    // libuv sends at once while the socket is writable, so the receiver has no turn in between.
    for (let index = 0; index < 2_000; index++) socket.send(Buffer.alloc(1_000, 'x'), port, '127.0.0.1', () => sent++)
    await until(
      () => sent === 2_000 && collector.counters().udpRecords + (collector.counters().udpDroppedKernel ?? 0) === 2_000,
    )
    expect(collector.counters().udpDroppedKernel).toBeGreaterThan(0)
    socket.close()
  })

  const connectTimes = (count: number, port: number) =>
    Array.from({ length: count }, () => connect(port, '127.0.0.1').on('error', () => undefined))

  it('refuses connections above the bound', async () => {
    const { port, collector } = await start({ connections: 2 })
    const sockets = connectTimes(4, port)
    await until(() => collector.counters().tcpConnectionsRefused === 2)
    expect(collector.counters().tcpConnectionsOpen).toBe(2)
    for (const socket of sockets) socket.destroy()
  })

  it('closes idle connections', async () => {
    const { port, collector } = await start({ idleMs: 100 })
    const sockets = connectTimes(2, port)
    await until(() => collector.counters().tcpConnectionsIdleClosed === 2)
    for (const socket of sockets) socket.destroy()
  })

  it('bounds the memory of unfinished messages over all connections', async () => {
    const { port, bodies, collector } = await start({ heldBytes: 100_000, messageBytes: 90_000 })
    const sockets = Array.from({ length: 3 }, () => connect(port, '127.0.0.1'))
    for (const socket of sockets) socket.write('y'.repeat(60_000))
    await until(() => bodies().join('').length >= 60_000)
    for (const socket of sockets) socket.end()
    await until(() => bodies().join('').length === 180_000)
    expect(collector.counters().cutMessages).toBeGreaterThan(0)
  })

  it('names IPv4 senders of an IPv6 listener by their IPv4 address', async () => {
    const records: RawRecord[] = []
    const publish = async (batch: Uint8Array[]) => void records.push(...batch.map(decodeRawRecord))
    try {
      collector = await createSyslogCollector({ bind: '::', port: 0, publish, clock: systemClock })
    } catch (error) {
      // A machine without IPv6 has no such senders.
      return expect(error).toMatchObject({ code: 'LISTEN_FAILED' })
    }
    const { port } = collector.address()
    await sendTcp(port, '<1>tcp\n')
    await sendUdp(port, ['<1>udp'])
    await until(() => records.length === 2)
    expect(records.map(({ sender }) => sender)).toEqual(['127.0.0.1', '127.0.0.1'])
  })

  it('says which port is taken', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const starting = createSyslogCollector({
      bind: '127.0.0.1',
      port,
      publish: async () => undefined,
      clock: systemClock,
    })
    await expect(starting).rejects.toMatchObject({ code: 'LISTEN_FAILED', detail: { port } })
    server.close()
  })

  it('survives hostile bytes and keeps them', async () => {
    const { port, records } = await start()
    const noise = Buffer.alloc(300_000)
    for (let index = 0, seed = 7; index < noise.length; index++) {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff
      noise[index] = (seed >> 16) & 255 || 1
    }
    await sendTcp(port, Buffer.concat([noise, Buffer.from('\n<1>alive\n')]))
    await until(() => Buffer.from(records.at(-1)?.body ?? []).toString() === '<1>alive')
  })
})
