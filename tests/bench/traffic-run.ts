// One run of the sensor over a capture, for tests/bench/traffic.ts: prints what it cost as one JSON object.
import { closeSync, openSync, writeSync } from 'node:fs'
import { CaptureParser } from '../../server/src/traffic/capture/capture.ts'
import { recordLine } from '../../server/src/traffic/event.ts'
import { Packet } from '../../server/src/traffic/packet/packet.ts'
import { captureBytes } from '../../server/src/traffic/read-capture.ts'
import { Sensor } from '../../server/src/traffic/sensor.ts'

const file = process.argv[2]!
const out = openSync('/dev/null', 'w')
let records = 0
let lines: string[] = []
const baseBytes = process.memoryUsage().rss
let peakBytes = baseBytes
let peakFlows = 0
const sensor = new Sensor({
  emit(record) {
    records++
    lines.push(recordLine(record))
    if (lines.length === 1_000) flush()
  },
})
const parser = new CaptureParser(new Packet(), (packet) => sensor.packet(packet))
const before = process.cpuUsage()
let chunks = 0
for await (const chunk of captureBytes(file)) {
  parser.push(chunk)
  // Asking for the memory costs more than a chunk of packets.
  if (++chunks % 32 !== 0) continue
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
  peakFlows = Math.max(peakFlows, sensor.openFlows)
}
peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
peakFlows = Math.max(peakFlows, sensor.openFlows)
sensor.close()
flush()
const { user, system } = process.cpuUsage(before)
const cpuSeconds = (user + system) / 1e6
closeSync(out)
const round = (value: number) => Number(value.toFixed(2))
console.log(
  JSON.stringify({
    packets: sensor.counters.packets,
    meanBytes: Math.round(sensor.counters.wireBytes / sensor.counters.packets),
    flows: sensor.counters.flows,
    records,
    cpuSeconds: round(cpuSeconds),
    gigabitsPerCpuSecond: round((sensor.counters.wireBytes * 8) / cpuSeconds / 1e9),
    megapacketsPerCpuSecond: round(sensor.counters.packets / cpuSeconds / 1e6),
    peakFlows,
    bytesAPeakFlow: Math.round((peakBytes - baseBytes) / Math.max(1, peakFlows)),
    failures: sensor.counters.failures,
  }),
)

function flush(): void {
  writeSync(out, lines.join('\n'))
  lines = []
}
