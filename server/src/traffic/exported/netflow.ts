import { u16be, u32be } from '../../lib/binary.ts'
import { transport } from '../packet/packet.ts'
import type { ExportedFlow } from './exported-flow.ts'

/** A field of a template; `enterprise` is 0 for those of IANA, 29305 for their reverse (RFC 5103). */
interface TemplateField {
  id: number
  length: number
  enterprise: number
}

interface Template {
  fields: TemplateField[]
  /** Tells of the exporter, not of flows. */
  isOptions: boolean
}

interface Exporter {
  templates: Map<number, Template>
  /** Data sets that came before their template. */
  early: { id: number; bytes: Buffer; clock: ExportClock }[]
  nextSequence: number | undefined
}

interface ExportClock {
  version: 5 | 9 | 10
  /** When the datagram left, microseconds since the epoch. */
  sentUs: number
  /** Milliseconds the exporter had been up by then; unknown for IPFIX. */
  uptimeMs: number | undefined
}

export interface NetflowCounters {
  datagrams: number
  flows: number
  /** Datagrams, sets and records that cannot be read. */
  damaged: number
  /** Sets without a template that gave way to later ones. */
  withoutTemplate: number
  /** Flows (v5, IPFIX) or datagrams (v9) that never arrived, by the numbers of the exporters. */
  lost: number
}

const exportersMax = 4_096
const templatesMax = 1_024
const templateFieldsMax = 512
const earlyMax = 64
const variableLength = 65_535
const reverseEnterprise = 29_305
/** A gap larger than this is an exporter that started again. */
const gapMax = 1_000_000
/** Ten years before or after the datagram. */
const implausibleUs = 10 * 365 * 86_400e6
/** Seconds between 1900 (NTP, in which microseconds of IPFIX are told) and 1970. */
const ntpOffsetSeconds = 2_208_988_800

/** Information elements by their IANA number (https://www.iana.org/assignments/ipfix); NetFlow v9 has the same up to 127. */
const element = {
  bytes: 1,
  packets: 2,
  protocol: 4,
  tcpFlags: 6,
  sourcePort: 7,
  sourceIpv4: 8,
  ingress: 10,
  destinationPort: 11,
  destinationIpv4: 12,
  egress: 14,
  lastUptime: 21,
  firstUptime: 22,
  outBytes: 23,
  outPackets: 24,
  sourceIpv6: 27,
  destinationIpv6: 28,
  icmpTypeCode: 32,
  samplingInterval: 34,
  sourceMac: 56,
  vlan: 58,
  destinationMac: 80,
  totalBytes: 85,
  totalPackets: 86,
  icmpv6TypeCode: 139,
  startSeconds: 150,
  endSeconds: 151,
  startMs: 152,
  endMs: 153,
  startUs: 154,
  endUs: 155,
  startNs: 156,
  endNs: 157,
  startDelta: 158,
  endDelta: 159,
  bootMs: 160,
  durationMs: 161,
  icmpType: 176,
  icmpCode: 177,
  icmpv6Type: 178,
  icmpv6Code: 179,
  initiatorBytes: 231,
  responderBytes: 232,
  initiatorPackets: 298,
  responderPackets: 299,
  samplingPacketInterval: 305,
} as const

/** Reads NetFlow v5 and v9 (RFC 3954) and IPFIX (RFC 7011, two-way flows of RFC 5103); templates are kept by exporter and domain. */
export class NetflowReader {
  readonly counters: NetflowCounters = { datagrams: 0, flows: 0, damaged: 0, withoutTemplate: 0, lost: 0 }
  private readonly exporters = new Map<string, Exporter>()

  /** True when the datagram is of a version that is read here. */
  static reads(bytes: Uint8Array): boolean {
    const version = bytes.length < 2 ? 0 : u16be(bytes, 0)
    return version === 5 || version === 9 || version === 10
  }

  /** Flows of one datagram; `sender` is the address of the exporter. */
  take(bytes: Buffer, sender: string): ExportedFlow[] {
    this.counters.datagrams++
    const version = u16be(bytes, 0)
    const flows = version === 5 ? this.version5(bytes, sender) : this.withTemplates(bytes, sender, version === 10)
    this.counters.flows += flows.length
    return flows
  }

  private version5(bytes: Buffer, sender: string): ExportedFlow[] {
    const count = bytes.length < 24 ? 0 : u16be(bytes, 2)
    if (count === 0 || count > 30 || bytes.length < 24 + 48 * count) {
      this.counters.damaged++
      return []
    }
    const uptimeMs = u32be(bytes, 4)
    const sentUs = u32be(bytes, 8) * 1e6 + Math.floor(u32be(bytes, 12) / 1e3)
    const exporter = this.exporter(`5 ${sender} ${u16be(bytes, 20)}`)
    this.follow(exporter, u32be(bytes, 16), count)
    const samplingRate = Math.max(1, u16be(bytes, 22) & 0x3fff)
    const flows: ExportedFlow[] = []
    for (let at = 24; at < 24 + 48 * count; at += 48) {
      const flow: ExportedFlow = {
        source: bytes.subarray(at, at + 4),
        destination: bytes.subarray(at + 4, at + 8),
        sourcePort: u16be(bytes, at + 32),
        destinationPort: u16be(bytes, at + 34),
        protocol: bytes[at + 38]!,
        packets: u32be(bytes, at + 16) * samplingRate,
        bytes: u32be(bytes, at + 20) * samplingRate,
        tcpFlags: bytes[at + 37]!,
        startUs: uptimeTime(u32be(bytes, at + 24), uptimeMs, sentUs),
        endUs: uptimeTime(u32be(bytes, at + 28), uptimeMs, sentUs),
        ingress: u16be(bytes, at + 12),
        egress: u16be(bytes, at + 14),
        samplingRate,
      }
      if (flow.protocol === transport.icmp) setIcmp(flow, flow.destinationPort)
      flows.push(flow)
    }
    return flows
  }

  private withTemplates(bytes: Buffer, sender: string, isIpfix: boolean): ExportedFlow[] {
    const headerBytes = isIpfix ? 16 : 20
    const length = isIpfix && bytes.length >= 4 ? u16be(bytes, 2) : bytes.length
    if (bytes.length < headerBytes || length > bytes.length || length < headerBytes) {
      this.counters.damaged++
      return []
    }
    const domain = u32be(bytes, isIpfix ? 12 : 16)
    const exporter = this.exporter(`${isIpfix ? 10 : 9} ${sender} ${domain}`)
    const clock: ExportClock = {
      version: isIpfix ? 10 : 9,
      sentUs: u32be(bytes, isIpfix ? 4 : 8) * 1e6,
      uptimeMs: isIpfix ? undefined : u32be(bytes, 4),
    }
    const flows: ExportedFlow[] = []
    let records = 0
    for (let at = headerBytes; at + 4 <= length; ) {
      const id = u16be(bytes, at)
      const setBytes = u16be(bytes, at + 2)
      if (setBytes < 4 || at + setBytes > length) {
        this.counters.damaged++
        break
      }
      const body = bytes.subarray(at + 4, at + setBytes)
      at += setBytes
      if (id === (isIpfix ? 2 : 0)) this.templates(exporter, body, isIpfix, flows)
      else if (id === (isIpfix ? 3 : 1)) this.optionsTemplates(exporter, body, isIpfix)
      else if (id >= 256) records += this.dataSet(exporter, id, body, clock, flows)
    }
    // IPFIX counts records before the datagram, NetFlow v9 the datagrams.
    this.follow(exporter, u32be(bytes, isIpfix ? 8 : 12), isIpfix ? records : 1)
    return flows
  }

  private templates(exporter: Exporter, body: Buffer, isIpfix: boolean, flows: ExportedFlow[]): void {
    for (let at = 0; at + 4 <= body.length; ) {
      const id = u16be(body, at)
      const count = u16be(body, at + 2)
      at += 4
      // Padding, or a template that is taken back (RFC 7011 section 8.1).
      if (id < 256) return
      if (count === 0) {
        exporter.templates.delete(id)
        continue
      }
      const read = readFields(body, at, count, isIpfix)
      if (!read) return void this.counters.damaged++
      at = read.end
      this.keepTemplate(exporter, id, { fields: read.fields, isOptions: false })
      this.replay(exporter, id, flows)
    }
  }

  private optionsTemplates(exporter: Exporter, body: Buffer, isIpfix: boolean): void {
    for (let at = 0; at + 6 <= body.length; ) {
      const id = u16be(body, at)
      if (id < 256) return
      // v9 tells lengths of the two lists in bytes, IPFIX the number of all fields and of those of the scope.
      const count = isIpfix ? u16be(body, at + 2) : (u16be(body, at + 2) + u16be(body, at + 4)) >> 2
      if (count === 0) return
      const read = readFields(body, at + 6, count, isIpfix)
      if (!read) return void this.counters.damaged++
      at = read.end
      this.keepTemplate(exporter, id, { fields: read.fields, isOptions: true })
    }
  }

  private keepTemplate(exporter: Exporter, id: number, template: Template): void {
    exporter.templates.delete(id)
    exporter.templates.set(id, template)
    if (exporter.templates.size > templatesMax)
      exporter.templates.delete(exporter.templates.keys().next().value as number)
  }

  /** Sets that came before their template, which some exporters send every few minutes only. */
  private replay(exporter: Exporter, id: number, flows: ExportedFlow[]): void {
    const waiting = exporter.early.filter((set) => set.id === id)
    if (waiting.length === 0) return
    exporter.early = exporter.early.filter((set) => set.id !== id)
    for (const { bytes, clock } of waiting) this.dataSet(exporter, id, bytes, clock, flows)
  }

  /** Answers how many records the set holds. */
  private dataSet(exporter: Exporter, id: number, body: Buffer, clock: ExportClock, flows: ExportedFlow[]): number {
    const template = exporter.templates.get(id)
    if (!template) {
      exporter.early.push({ id, bytes: Buffer.from(body), clock })
      if (exporter.early.length > earlyMax) {
        exporter.early.shift()
        this.counters.withoutTemplate++
      }
      return 0
    }
    const leastBytes = template.fields.reduce((sum, { length }) => sum + (length === variableLength ? 1 : length), 0)
    let records = 0
    for (let at = 0; leastBytes > 0 && at + leastBytes <= body.length; ) {
      const record = readRecord(body, at, template.fields)
      if (!record) {
        this.counters.damaged++
        break
      }
      at = record.end
      records++
      if (template.isOptions) continue
      const flow = flowOf(record.values, record.reversed, clock)
      if (flow) flows.push(flow)
    }
    return records
  }

  private exporter(key: string): Exporter {
    const known = this.exporters.get(key)
    if (known) return known
    const made: Exporter = { templates: new Map(), early: [], nextSequence: undefined }
    this.exporters.set(key, made)
    if (this.exporters.size > exportersMax) this.exporters.delete(this.exporters.keys().next().value as string)
    return made
  }

  private follow(exporter: Exporter, sequence: number, count: number): void {
    const gap = exporter.nextSequence === undefined ? 0 : (sequence - exporter.nextSequence) >>> 0
    if (gap > 0 && gap < gapMax) this.counters.lost += gap
    exporter.nextSequence = (sequence + count) >>> 0
  }
}

function readFields(
  body: Buffer,
  start: number,
  count: number,
  isIpfix: boolean,
): { fields: TemplateField[]; end: number } | undefined {
  if (count > templateFieldsMax) return undefined
  const fields: TemplateField[] = []
  let at = start
  for (let field = 0; field < count; field++) {
    if (at + 4 > body.length) return undefined
    const id = u16be(body, at)
    const length = u16be(body, at + 2)
    at += 4
    const hasEnterprise = isIpfix && (id & 0x8000) !== 0
    if (hasEnterprise && at + 4 > body.length) return undefined
    fields.push({ id: id & 0x7fff, length, enterprise: hasEnterprise ? u32be(body, at) : 0 })
    if (hasEnterprise) at += 4
  }
  return { fields, end: at }
}

type Values = Map<number, Buffer>

function readRecord(
  body: Buffer,
  start: number,
  fields: readonly TemplateField[],
): { values: Values; reversed: Values; end: number } | undefined {
  const values: Values = new Map()
  const reversed: Values = new Map()
  let at = start
  for (const { id, length, enterprise } of fields) {
    let bytes = length
    if (length === variableLength) {
      if (at >= body.length) return undefined
      bytes = body[at++]!
      if (bytes === 255) {
        if (at + 2 > body.length) return undefined
        bytes = u16be(body, at)
        at += 2
      }
    }
    if (at + bytes > body.length) return undefined
    if (enterprise === 0) values.set(id, body.subarray(at, at + bytes))
    else if (enterprise === reverseEnterprise) reversed.set(id, body.subarray(at, at + bytes))
    at += bytes
  }
  return { values, reversed, end: at }
}

/** Undefined when the record names no two addresses, as those of interfaces and options do not. */
function flowOf(values: Values, reversed: Values, clock: ExportClock): ExportedFlow | undefined {
  const source = address(values, element.sourceIpv4, element.sourceIpv6)
  const destination = address(values, element.destinationIpv4, element.destinationIpv6)
  if (!source || !destination || source.length !== destination.length) return undefined
  const number = (...ids: number[]) => firstNumber(values, ids)
  const samplingRate = Math.max(1, number(element.samplingInterval, element.samplingPacketInterval) ?? 1)
  const startUs = plausible(timeOf(values, clock, startElements), clock.sentUs) ?? clock.sentUs
  const duration = number(element.durationMs)
  const told = timeOf(values, clock, endElements) ?? (duration === undefined ? undefined : startUs + duration * 1e3)
  const endUs = plausible(told, clock.sentUs) ?? startUs
  const flow: ExportedFlow = {
    source,
    destination,
    sourcePort: number(element.sourcePort) ?? 0,
    destinationPort: number(element.destinationPort) ?? 0,
    protocol: number(element.protocol) ?? 0,
    bytes: (number(element.bytes, element.totalBytes, element.initiatorBytes, element.outBytes) ?? 0) * samplingRate,
    packets:
      (number(element.packets, element.totalPackets, element.initiatorPackets, element.outPackets) ?? 0) * samplingRate,
    tcpFlags: (number(element.tcpFlags) ?? 0) & 0x3f,
    startUs,
    endUs: Math.max(startUs, endUs),
    samplingRate,
  }
  const backBytes = firstNumber(reversed, [element.bytes, element.totalBytes]) ?? number(element.responderBytes)
  const backPackets = firstNumber(reversed, [element.packets, element.totalPackets]) ?? number(element.responderPackets)
  if (backBytes !== undefined || backPackets !== undefined) {
    const tcpFlags = (firstNumber(reversed, [element.tcpFlags]) ?? 0) & 0x3f
    flow.reverse = { bytes: (backBytes ?? 0) * samplingRate, packets: (backPackets ?? 0) * samplingRate, tcpFlags }
  }
  if (flow.protocol === transport.icmp || flow.protocol === transport.icmpv6) setIcmp(flow, icmpOf(values, flow))
  const vlan = number(element.vlan)
  if (vlan !== undefined && vlan > 0) flow.vlan = vlan & 0xfff
  const ingress = number(element.ingress)
  if (ingress !== undefined) flow.ingress = ingress
  const egress = number(element.egress)
  if (egress !== undefined) flow.egress = egress
  const sourceMac = macOf(values.get(element.sourceMac))
  if (sourceMac !== undefined) flow.sourceMac = sourceMac
  const destinationMac = macOf(values.get(element.destinationMac))
  if (destinationMac !== undefined) flow.destinationMac = destinationMac
  return flow
}

/** A clock that is years off tells no time. */
function plausible(timeUs: number | undefined, sentUs: number): number | undefined {
  const isPlausible = timeUs !== undefined && timeUs >= 0 && Math.abs(timeUs - sentUs) < implausibleUs
  return isPlausible ? timeUs : undefined
}

function address(values: Values, ipv4: number, ipv6: number): Buffer | undefined {
  const four = values.get(ipv4)
  const six = values.get(ipv6)
  if (six?.length === 16 && (four?.length !== 4 || six.some((octet) => octet !== 0))) return six
  return four?.length === 4 ? four : undefined
}

function firstNumber(values: Values, ids: readonly number[]): number | undefined {
  for (const id of ids) {
    const bytes = values.get(id)
    if (bytes && bytes.length >= 1 && bytes.length <= 8) {
      // Counters of eight bytes beyond 2^53 are no counts of anything.
      let value = 0
      for (const octet of bytes) value = value * 256 + octet
      return value
    }
  }
  return undefined
}

const startElements = {
  ...{ ms: element.startMs, seconds: element.startSeconds, us: element.startUs, ns: element.startNs },
  ...{ uptime: element.firstUptime, delta: element.startDelta },
}
const endElements = {
  ...{ ms: element.endMs, seconds: element.endSeconds, us: element.endUs, ns: element.endNs },
  ...{ uptime: element.lastUptime, delta: element.endDelta },
}

function timeOf(
  values: Values,
  clock: ExportClock,
  elements: Record<keyof typeof startElements, number>,
): number | undefined {
  const number = (id: number) => firstNumber(values, [id])
  const ms = number(elements.ms)
  if (ms !== undefined) return ms * 1e3
  const fraction = values.get(elements.us) ?? values.get(elements.ns)
  if (fraction?.length === 8) {
    const seconds = fraction.readUInt32BE(0) - ntpOffsetSeconds
    return seconds * 1e6 + Math.floor((fraction.readUInt32BE(4) / 2 ** 32) * 1e6)
  }
  const seconds = number(elements.seconds)
  if (seconds !== undefined) return seconds * 1e6
  const delta = number(elements.delta)
  if (delta !== undefined) return clock.sentUs - delta
  const uptime = number(elements.uptime)
  if (uptime === undefined) return undefined
  const bootMs = number(element.bootMs)
  if (bootMs !== undefined) return (bootMs + uptime) * 1e3
  return clock.uptimeMs === undefined ? undefined : uptimeTime(uptime, clock.uptimeMs, clock.sentUs)
}

/** The uptime of 32 bits runs over every 49 days: what seems to lie ahead lies behind. */
function uptimeTime(momentMs: number, uptimeMs: number, sentUs: number): number {
  return sentUs - ((uptimeMs - momentMs) | 0) * 1e3
}

function icmpOf(values: Values, flow: ExportedFlow): number {
  const both = firstNumber(values, [element.icmpTypeCode, element.icmpv6TypeCode])
  if (both !== undefined) return both
  const type = firstNumber(values, [element.icmpType, element.icmpv6Type])
  if (type !== undefined) return type * 256 + (firstNumber(values, [element.icmpCode, element.icmpv6Code]) ?? 0)
  return flow.destinationPort
}

/** Routers put type and code of ICMP into the port of the destination. */
function setIcmp(flow: ExportedFlow, typeCode: number): void {
  flow.sourcePort = typeCode >> 8
  flow.destinationPort = typeCode & 255
}

/** In ECS's form, capitals and hyphens; undefined for none. */
function macOf(bytes: Buffer | undefined): string | undefined {
  if (bytes?.length !== 6 || bytes.every((octet) => octet === 0)) return undefined
  return bytes
    .toString('hex')
    .toUpperCase()
    .replace(/..(?=.)/g, '$&-')
}
