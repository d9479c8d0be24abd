import type { RE2JS } from 're2js'

/** What a part of a rule is looked for in; the names are Suricata's sticky buffers. `payload` is what no buffer is named for. */
export const buffers = [
  'payload', 'http.uri', 'http.uri.raw', 'http.method', 'http.header', 'http.header.raw', 'http.user_agent', 'http.host',
  'http.host.raw', 'http.request_body', 'http.response_body', 'http.cookie', 'http.content_type', 'http.referer', 'http.accept',
  'http.stat_code', 'http.stat_msg', 'http.request_line', 'http.response_line', 'http.server', 'http.location', 'dns.query',
  'tls.sni', 'tls.cert_subject', 'tls.cert_issuer', 'ja3.hash', 'ja3s.hash', 'ja4.hash', 'file.data',
] as const // biome-ignore format: a list
export type BufferName = (typeof buffers)[number]

export interface ContentPart {
  kind: 'content'
  buffer: BufferName
  bytes: Buffer
  isNegated: boolean
  isCaseless: boolean
  offset?: number
  depth?: number
  distance?: number
  within?: number
  isAtStart?: boolean
  isAtEnd?: boolean
}
export interface PatternPart {
  kind: 'pcre'
  buffer: BufferName
  pattern: RE2JS
  isNegated: boolean
  isRelative: boolean
}
export interface DataPart {
  kind: 'isdataat'
  buffer: BufferName
  at: number
  isNegated: boolean
  isRelative: boolean
}
export interface SizePart {
  kind: 'bsize'
  buffer: BufferName
  range: NumberRange
}
export type Part = ContentPart | PatternPart | DataPart | SizePart

/** `from <= n <= to`, or not so. */
export interface NumberRange {
  from: number
  to: number
  isNegated: boolean
}

export interface FlowBit {
  act: 'set' | 'unset' | 'toggle' | 'isset' | 'isnotset'
  names: string[]
}

export interface Threshold {
  /** `filter` is detection_filter: alerts once the count is exceeded. */
  type: 'limit' | 'threshold' | 'both' | 'filter'
  track: 'by_src' | 'by_dst' | 'by_both' | 'by_rule'
  count: number
  seconds: number
}

export type AddressTest = (address: string) => boolean
export type PortTest = (port: number) => boolean

export interface SuricataRule {
  file: string
  line: number
  sid: number
  gid: number
  rev: number
  title: string
  category: string | undefined
  level: 'low' | 'medium' | 'high'
  protocol: string
  source: AddressTest
  sourcePort: PortTest
  destination: AddressTest
  destinationPort: PortTest
  isBidirectional: boolean
  direction: 'to_server' | 'to_client' | undefined
  isEstablished: boolean | undefined
  parts: Part[]
  flowBits: FlowBit[]
  isSilent: boolean
  threshold: Threshold | undefined
  payloadSize: NumberRange | undefined
  icmpType: NumberRange | undefined
  icmpCode: NumberRange | undefined
  tcpFlags: { mask: number; value: number; isNegated: boolean; mode: 'exact' | 'all' | 'any' } | undefined
  /** The names of the buffers it reads, each once. */
  buffers: BufferName[]
}

export interface RefusedSuricataRule {
  file: string
  line: number
  sid: number | undefined
  message: string
}
