// The sensor on a live wire: tcpreplay in one network namespace, dumpcap and the sensor in another, veth between them. For each
// rate it says what was sent, what the kernel and the capturer lost, and what the sensor read; needs root, tcpreplay, dumpcap.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CaptureParser } from '../../server/src/traffic/capture/capture.ts'
import { recordLine } from '../../server/src/traffic/event.ts'
import { Packet } from '../../server/src/traffic/packet/packet.ts'
import { Sensor } from '../../server/src/traffic/sensor.ts'
import type { BenchOptions } from './main.ts'
import { trafficMix } from './traffic-mix.ts'

export const name = 'traffic-live'

const mixFlows = 20_000
const defaultRates = [25_000, 50_000, 100_000, 150_000, 200_000, 300_000]
const from = { space: 'watchfire-from', device: 'wf-from' }
const to = { space: 'watchfire-to', device: 'wf-to' }

export async function run({ rates = defaultRates, seconds = 5 }: BenchOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-live-'))
  const rows: Record<string, number | string>[] = []
  try {
    const mix = join(folder, 'mix.pcap')
    const file = openSync(mix, 'w')
    for await (const piece of trafficMix({ flows: mixFlows })) writeSync(file, piece)
    closeSync(file)
    ip('netns', 'add', from.space)
    ip('netns', 'add', to.space)
    ip('link', 'add', from.device, 'netns', from.space, 'type', 'veth', 'peer', 'name', to.device, 'netns', to.space)
    for (const { space, device } of [from, to]) ip('-n', space, 'link', 'set', device, 'up')
    for (const rate of rates) rows.push(await oneRate(mix, rate, rate * seconds))
  } finally {
    for (const { space } of [from, to]) spawnSync('ip', ['netns', 'del', space])
    rmSync(folder, { recursive: true, force: true })
  }
  return rows
}

function ip(...parameters: string[]): void {
  const { status, stderr } = spawnSync('ip', parameters, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${parameters.join(' ')}: ${stderr}`)
}

async function oneRate(mix: string, rate: number, packets: number): Promise<Record<string, number | string>> {
  const capture = ['-i', to.device, '-P', '-q', '-B', '64', '-w', '-']
  const capturer = spawn('ip', ['netns', 'exec', to.space, 'dumpcap', ...capture], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let told = ''
  const listening = new Promise<void>((resolve) =>
    capturer.stderr.on('data', (bytes: Buffer) => {
      told += bytes.toString()
      if (told.includes('File: -')) resolve()
    }),
  )
  const out = openSync('/dev/null', 'w')
  let lines: string[] = []
  let records = 0
  const sensor = new Sensor({
    emit(record) {
      records++
      lines.push(recordLine(record))
      if (lines.length === 1_000) {
        writeSync(out, lines.join('\n'))
        lines = []
      }
    },
  })
  const parser = new CaptureParser(new Packet(), (packet) => sensor.packet(packet))
  capturer.stdout.on('data', (bytes: Buffer) => parser.push(bytes))
  await listening
  const before = process.cpuUsage()
  const rounds = ['--loop', '0', '--limit', String(packets), '--pps', String(rate), '-K', '-q']
  const sender = spawn('ip', ['netns', 'exec', from.space, 'tcpreplay', '-i', from.device, ...rounds, mix], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let report = ''
  sender.stdout.on('data', (bytes: Buffer) => {
    report += bytes.toString()
  })
  await once(sender, 'exit')
  // What the kernel still holds is read before the capturer ends; it has all when the count stands still.
  for (let last = -1; last !== sensor.counters.packets; ) {
    last = sensor.counters.packets
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  const { user, system } = process.cpuUsage(before)
  capturer.kill('SIGINT')
  await once(capturer, 'close')
  sensor.close()
  closeSync(out)
  const sent = Number(/Actual: (\d+) packets/.exec(report)?.[1] ?? 0)
  const achieved = Number(/([\d.]+) pps/.exec(report)?.[1] ?? 0)
  const megabits = Number(/([\d.]+) Mbps/.exec(report)?.[1] ?? 0)
  const dropped = /received\/dropped[^:]*: \d+\/(\d+)/.exec(told)?.[1]
  return {
    'packets/s asked': rate,
    'packets/s sent': Math.round(achieved),
    'Mbit/s sent': Math.round(megabits),
    packets: sent,
    read: sensor.counters.packets,
    lost: sent - sensor.counters.packets,
    'lost by capturer': dropped ?? 'not told',
    records,
    'sensor CPU s': Number(((user + system) / 1e6).toFixed(2)),
  }
}
