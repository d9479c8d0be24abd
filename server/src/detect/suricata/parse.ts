import { RE2JS } from 're2js'
import { defaultVariables, readAddresses, readPorts, readRange } from './addresses.ts'
import type { BufferName, ContentPart, FlowBit, Part, RefusedSuricataRule, SuricataRule, Threshold } from './rule.ts'
import { buffers } from './rule.ts'

const protocols = new Set(['ip', 'tcp', 'udp', 'icmp', 'http', 'dns', 'tls', 'ssh', 'smb', 'ftp', 'smtp', 'dcerpc', 'krb5', 'rdp', 'tcp-pkt', 'tcp-stream', 'modbus', 'dnp3', 'sip', 'dhcp', 'ntp', 'snmp', 'tftp', 'imap', 'pop3', 'ike']) // biome-ignore format: a list
/** What a rule says of itself and nothing is matched by. */
const wordsOnly = new Set(['msg', 'sid', 'gid', 'rev', 'classtype', 'reference', 'metadata', 'priority', 'target', 'fast_pattern', 'rawbytes', 'noalert', 'requires']) // biome-ignore format: a list
const stickyNames = new Map<string, BufferName>([
  ...buffers.filter((name) => name !== 'payload').map((name) => [name, name] as const),
  ...(
    [
      ['pkt_data', 'payload'], ['file_data', 'file.data'], ['dns_query', 'dns.query'], ['tls_sni', 'tls.sni'], ['ja3_hash', 'ja3.hash'],
      ['tls_cert_subject', 'tls.cert_subject'], ['tls.subject', 'tls.cert_subject'], ['tls_cert_issuer', 'tls.cert_issuer'], ['tls.issuerdn', 'tls.cert_issuer'],
      ['http_request_line', 'http.request_line'], ['http_response_line', 'http.response_line'],
    ] as const
  ),
]) // biome-ignore format: a table
/** Modifiers of the content before them, as rules were written before sticky buffers. */
const oldModifiers = new Map<string, BufferName>([
  ['http_uri', 'http.uri'], ['http_raw_uri', 'http.uri.raw'], ['http_method', 'http.method'], ['http_header', 'http.header'],
  ['http_raw_header', 'http.header.raw'], ['http_user_agent', 'http.user_agent'], ['http_host', 'http.host'], ['http_raw_host', 'http.host.raw'],
  ['http_client_body', 'http.request_body'], ['http_server_body', 'http.response_body'], ['http_cookie', 'http.cookie'],
  ['http_stat_code', 'http.stat_code'], ['http_stat_msg', 'http.stat_msg'], ['http_content_type', 'http.content_type'],
  ['http_referer', 'http.referer'],
]) // biome-ignore format: a table
const pcreBuffers = new Map<string, BufferName>([
  ['U', 'http.uri'], ['I', 'http.uri.raw'], ['P', 'http.request_body'], ['Q', 'http.response_body'], ['H', 'http.header'],
  ['D', 'http.header.raw'], ['M', 'http.method'], ['C', 'http.cookie'], ['S', 'http.stat_code'], ['Y', 'http.stat_msg'],
  ['V', 'http.user_agent'], ['W', 'http.host'], ['Z', 'http.host.raw'],
]) // biome-ignore format: a table
/** Priorities of classes that are not 3 (classification.config of Suricata). */
const firstClass =
  /^(trojan-activity|command-and-control|exploit-kit|attempted-admin|attempted-user|successful-admin|successful-user|shellcode-detect|web-application-attack|domain-c2|targeted-activity|credential-theft|policy-violation|unsuccessful-user|inappropriate-content|external-ip-check)$/
const secondClass =
  /^(bad-unknown|attempted-recon|successful-recon|attempted-dos|successful-dos|denial-of-service|misc-attack|suspicious|rpc-portmap-decode|system-call-detect|web-application-activity|coin-mining|pup-activity|default-login-attempt|non-standard-protocol|suspicious-login|suspicious-filename-detect|unusual-client-port-connection)/

export interface ParsedSuricata {
  rules: SuricataRule[]
  refused: RefusedSuricataRule[]
}

/**
 * Reads a file of Suricata rules. A rule that uses what is not supported is refused with its line and the name of it, never
 * used in part. Comments, also rules that are commented out, say nothing.
 */
export function parseSuricata(
  text: string,
  file: string,
  variables: Readonly<Record<string, string>> = defaultVariables,
): ParsedSuricata {
  const parsed: ParsedSuricata = { rules: [], refused: [] }
  const seen = new Set<string>()
  let line = 0
  let open = ''
  let openLine = 0
  for (const raw of text.split(/\r?\n/)) {
    line++
    const part = raw.trim()
    if (open === '') {
      if (part === '' || part.startsWith('#')) continue
      openLine = line
    }
    if (part.endsWith('\\')) {
      open += part.slice(0, -1)
      continue
    }
    const whole = open + part
    open = ''
    const sid = Number(/[;(\s]sid\s*:\s*(\d+)\s*;/.exec(whole)?.[1] ?? Number.NaN)
    try {
      const rule = readRule(whole, file, openLine, variables)
      const key = `${rule.gid}:${rule.sid}`
      if (seen.has(key)) throw new RangeError(`sid ${rule.sid} stands twice in the file`)
      seen.add(key)
      parsed.rules.push(rule)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      parsed.refused.push({ file, line: openLine, sid: Number.isNaN(sid) ? undefined : sid, message: error.message })
    }
  }
  if (open !== '') parsed.refused.push({ file, line: openLine, sid: undefined, message: 'the rule has no end' })
  return parsed
}

/** Throws RangeError with the reason of a refusal. */
function readRule(text: string, file: string, line: number, variables: Readonly<Record<string, string>>): SuricataRule {
  const head = /^(\S+)\s+(\S+)\s+(.+?)\s+(->|<>|=>)\s+(.+?)\s*\((.*)\)\s*$/s.exec(text)
  if (!head) throw new RangeError('this is no rule: action protocol source port -> destination port (options)')
  const [, action = '', protocol = '', left = '', arrow, right = '', optionText = ''] = head
  if (!['alert', 'drop', 'reject'].includes(action)) throw new RangeError(`the action \`${action}\` is not supported`)
  if (!protocols.has(protocol)) throw new RangeError(`the protocol \`${protocol}\` is not supported`)
  if (arrow === '=>') throw new RangeError('the direction `=>` is not supported')
  const [source, sourcePort] = ends(left)
  const [destination, destinationPort] = ends(right)
  const rule: SuricataRule = {
    ...{ file, line, sid: 0, gid: 1, rev: 0, title: '', category: undefined, level: 'low', protocol },
    source: readAddresses(source, variables),
    sourcePort: readPorts(sourcePort, variables),
    destination: readAddresses(destination, variables),
    destinationPort: readPorts(destinationPort, variables),
    isBidirectional: arrow === '<>',
    ...{
      direction: undefined,
      isEstablished: undefined,
      parts: [],
      flowBits: [],
      isSilent: false,
      threshold: undefined,
    },
    ...{ payloadSize: undefined, icmpType: undefined, icmpCode: undefined, tcpFlags: undefined, buffers: [] },
  }
  const reader = new OptionReader(rule)
  for (const { name, value } of splitOptions(optionText)) reader.option(name, value)
  reader.finish()
  return rule
}

/** Address and port; either may be a list with blanks in it. */
function ends(text: string): [string, string] {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '[') depth++
    else if (text[at] === ']') depth--
    else if (depth === 0 && /\s/.test(text[at]!)) return [text.slice(0, at), text.slice(at).trim()]
  }
  throw new RangeError(`${text} needs an address and a port`)
}

/** Options end with a semicolon that stands in no quotes and behind no backslash. */
function splitOptions(text: string): { name: string; value: string | undefined }[] {
  const options: { name: string; value: string | undefined }[] = []
  let from = 0
  let isQuoted = false
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') isQuoted = !isQuoted
    else if (text[at] === ';' && !isQuoted) {
      const option = text.slice(from, at).trim()
      from = at + 1
      if (option === '') continue
      const colon = option.indexOf(':')
      const name = (colon < 0 ? option : option.slice(0, colon)).trim()
      options.push({ name, value: colon < 0 ? undefined : option.slice(colon + 1).trim() })
    }
  }
  if (text.slice(from).trim() !== '') throw new RangeError('the last option has no semicolon')
  return options
}

class OptionReader {
  private readonly rule: SuricataRule
  private buffer: BufferName = 'payload'
  private last: ContentPart | undefined
  private priority: number | undefined

  constructor(rule: SuricataRule) {
    this.rule = rule
  }

  option(name: string, value: string | undefined): void {
    const { rule } = this
    const sticky = stickyNames.get(name)
    if (sticky !== undefined && value === undefined) {
      this.buffer = sticky
      this.last = undefined
      return
    }
    const old = oldModifiers.get(name)
    if (old !== undefined) {
      this.content(name).buffer = old
      return
    }
    switch (name) {
      case 'msg':
        rule.title = unquoted(value ?? '').replace(/\\(.)/g, '$1')
        return
      case 'sid':
        rule.sid = whole(name, value)
        return
      case 'gid':
        rule.gid = whole(name, value)
        return
      case 'rev':
        rule.rev = whole(name, value)
        return
      case 'priority':
        this.priority = whole(name, value)
        return
      case 'classtype':
        rule.category = value
        return
      case 'noalert':
        rule.isSilent = true
        return
      case 'content':
      case 'uricontent':
        this.last = readContent(value ?? '', name === 'uricontent' ? 'http.uri' : this.buffer)
        rule.parts.push(this.last)
        return
      case 'nocase':
        this.content(name).isCaseless = true
        return
      case 'startswith':
        this.content(name).isAtStart = true
        return
      case 'endswith':
        this.content(name).isAtEnd = true
        return
      case 'offset':
      case 'depth':
      case 'distance':
      case 'within':
        this.content(name)[name] = signed(name, value)
        return
      case 'pcre':
        this.last = undefined
        rule.parts.push(readPcre(value ?? '', this.buffer))
        return
      case 'isdataat':
        rule.parts.push(readDataAt(value ?? '', this.buffer))
        return
      case 'bsize':
        rule.parts.push({ kind: 'bsize', buffer: this.buffer, range: readRange(value ?? '') })
        return
      case 'urilen': {
        const [range = '', kind = 'raw'] = (value ?? '').split(',').map((part) => part.trim())
        rule.parts.push({
          kind: 'bsize',
          buffer: kind === 'norm' ? 'http.uri' : 'http.uri.raw',
          range: readRange(range),
        })
        return
      }
      case 'dsize':
        rule.payloadSize = readRange(value ?? '')
        return
      case 'itype':
        rule.icmpType = readRange(value ?? '')
        return
      case 'icode':
        rule.icmpCode = readRange(value ?? '')
        return
      case 'flags':
        rule.tcpFlags = readFlags(value ?? '')
        return
      case 'flow':
        this.flow(value ?? '')
        return
      case 'flowbits':
        this.flowBit(value ?? '')
        return
      case 'threshold':
      case 'detection_filter':
        rule.threshold = readThreshold(value ?? '', name === 'detection_filter')
        return
    }
    if (!wordsOnly.has(name)) throw new RangeError(`the keyword \`${name}\` is not supported`)
  }

  finish(): void {
    const { rule } = this
    if (rule.sid === 0) throw new RangeError('the rule has no sid')
    const priority =
      this.priority ?? (firstClass.test(rule.category ?? '') ? 1 : secondClass.test(rule.category ?? '') ? 2 : 3)
    rule.level = priority <= 1 ? 'high' : priority === 2 ? 'medium' : 'low'
    for (const part of rule.parts) if (part.kind === 'content') checkContent(part)
    rule.buffers = [...new Set(rule.parts.map(({ buffer }) => buffer))]
  }

  /** The content a modifier is of. */
  private content(name: string): ContentPart {
    if (!this.last) throw new RangeError(`\`${name}\` stands behind no content`)
    return this.last
  }

  private flow(value: string): void {
    for (const word of value.split(',').map((text) => text.trim())) {
      if (word === 'to_server' || word === 'from_client') this.rule.direction = 'to_server'
      else if (word === 'to_client' || word === 'from_server') this.rule.direction = 'to_client'
      else if (word === 'established') this.rule.isEstablished = true
      else if (word === 'not_established') this.rule.isEstablished = false
      else if (word !== 'stateless' && word !== 'only_stream' && word !== 'no_stream')
        throw new RangeError(`\`flow:${word}\` is not supported`)
    }
  }

  private flowBit(value: string): void {
    const [act = '', names = ''] = value.split(',').map((text) => text.trim())
    if (act === 'noalert') {
      this.rule.isSilent = true
      return
    }
    if (!['set', 'unset', 'toggle', 'isset', 'isnotset'].includes(act) || names === '')
      throw new RangeError(`\`flowbits:${value}\` is not supported`)
    this.rule.flowBits.push({ act: act as FlowBit['act'], names: names.split('|').map((name) => name.trim()) })
  }
}

function unquoted(text: string): string {
  return /^"(.*)"$/s.exec(text.trim())?.[1] ?? text.trim()
}

function whole(name: string, value: string | undefined): number {
  if (!/^\d{1,10}$/.test(value ?? '')) throw new RangeError(`\`${name}\` needs a number`)
  return Number(value)
}

function signed(name: string, value: string | undefined): number {
  if (!/^-?\d{1,7}$/.test(value ?? '')) throw new RangeError(`\`${name}:${value}\` is not supported: only numbers are`)
  return Number(value)
}

/** Text with `|0d 0a|` for octets; backslash before `"`, `;`, `:` and itself. */
function readContent(value: string, buffer: BufferName): ContentPart {
  const isNegated = value.startsWith('!')
  const text = /^"(.*)"$/s.exec(value.replace(/^!\s*/, ''))?.[1]
  if (text === undefined) throw new RangeError('`content` needs its text in quotes')
  const octets: number[] = []
  let at = 0
  while (at < text.length) {
    if (text[at] === '|') {
      const end = text.indexOf('|', at + 1)
      const hex = end < 0 ? '' : text.slice(at + 1, end).replace(/\s+/g, '')
      if (end < 0 || !/^([0-9a-f]{2})+$/i.test(hex)) throw new RangeError(`\`content\` has no whole octets in ${text}`)
      octets.push(...Buffer.from(hex, 'hex'))
      at = end + 1
    } else {
      if (text[at] === '\\') at++
      octets.push(...Buffer.from(text[at] ?? '', 'utf8'))
      at++
    }
  }
  if (octets.length === 0) throw new RangeError('`content` is empty')
  return { kind: 'content', buffer, bytes: Buffer.from(octets), isNegated, isCaseless: false }
}

function checkContent({ bytes, depth, within, isAtStart, offset, distance }: ContentPart): void {
  if (depth !== undefined && depth < bytes.length) throw new RangeError('`depth` is less than the content is long')
  if (within !== undefined && within < bytes.length) throw new RangeError('`within` is less than the content is long')
  if ((offset !== undefined || depth !== undefined) && (distance !== undefined || within !== undefined))
    throw new RangeError('`offset` and `depth` do not go with `distance` and `within`')
  if (isAtStart && (offset !== undefined || depth !== undefined || distance !== undefined || within !== undefined))
    throw new RangeError('`startswith` does not go with `offset`, `depth`, `distance` and `within`')
}

function readPcre(value: string, current: BufferName): Part {
  const isNegated = value.startsWith('!')
  const match = /^"\/(.*)\/([A-Za-z]*)"$/s.exec(value.replace(/^!\s*/, ''))
  if (!match) throw new RangeError('`pcre` needs "/pattern/flags"')
  const [, pattern = '', flags = ''] = match
  let bits = 0
  let buffer = current
  let isRelative = false
  for (const flag of flags) {
    const named = pcreBuffers.get(flag)
    if (named) buffer = named
    else if (flag === 'i') bits |= RE2JS.CASE_INSENSITIVE
    else if (flag === 's') bits |= RE2JS.DOTALL
    else if (flag === 'm') bits |= RE2JS.MULTILINE
    else if (flag === 'R') isRelative = true
    else if (flag !== 'O' && flag !== 'B') throw new RangeError(`the flag \`${flag}\` of \`pcre\` is not supported`)
  }
  try {
    return { kind: 'pcre', buffer, pattern: RE2JS.compile(pattern.replaceAll('\\/', '/'), bits), isNegated, isRelative }
  } catch (cause) {
    throw new RangeError(`\`pcre\` is outside of RE2: ${(cause as Error).message}`)
  }
}

function readDataAt(value: string, buffer: BufferName): Part {
  const [, not, number, more] = /^(!)?\s*(\d+)\s*(?:,\s*(.*))?$/.exec(value) ?? []
  const words = (more ?? '').split(',').map((word) => word.trim()).filter((word) => word !== '') // biome-ignore format: one line
  if (number === undefined || words.some((word) => word !== 'relative' && word !== 'rawbytes'))
    throw new RangeError(`\`isdataat:${value}\` is not supported`)
  return {
    kind: 'isdataat',
    buffer,
    at: Number(number),
    isNegated: not !== undefined,
    isRelative: words.includes('relative'),
  }
}

const flagBits: Record<string, number> = { F: 1, S: 2, R: 4, P: 8, A: 16, U: 32, '0': 0 }

/** `flags:S`, `flags:SA,12`, `flags:+A`, `flags:*SF`, `flags:!R`. */
function readFlags(value: string): SuricataRule['tcpFlags'] {
  const match = /^([!+*])?\s*([FSRPAU0]+)([!+*])?\s*(?:,\s*[FSRPAU12CE]+)?$/i.exec(value.trim())
  if (!match) throw new RangeError(`\`flags:${value}\` is not supported`)
  const sign = match[1] ?? match[3]
  const bits = [...match[2]!.toUpperCase()].reduce((sum, letter) => sum | flagBits[letter]!, 0)
  return {
    mask: 0x3f,
    value: bits,
    isNegated: sign === '!',
    mode: sign === '+' ? 'all' : sign === '*' ? 'any' : 'exact',
  }
}

function readThreshold(value: string, isFilter: boolean): Threshold {
  const map = new Map(value.split(',').map((part) => part.trim().split(/\s+/) as [string, string]))
  const type = isFilter ? 'filter' : map.get('type')
  const track = map.get('track')
  const count = Number(map.get('count'))
  const seconds = Number(map.get('seconds'))
  const isKnown =
    ['limit', 'threshold', 'both', 'filter'].includes(type ?? '') &&
    ['by_src', 'by_dst', 'by_both', 'by_rule'].includes(track ?? '')
  if (!isKnown || !(count >= 1) || !(seconds >= 1)) throw new RangeError(`the threshold \`${value}\` is not supported`)
  return { type: type as Threshold['type'], track: track as Threshold['track'], count, seconds }
}
