import { syscallName } from './syscalls.ts'

/** Values under the record's own names. */
type SourceValues = Record<string, unknown>

/** Values of one record of the Linux audit system, `type=… msg=audit(seconds.millis:serial): key=value …`. */
export interface AuditRecord {
  type: string
  /** Milliseconds since the epoch. */
  timeMs: number
  serial: string
  node: string
  values: Record<string, string>
}

/** Keys whose value the kernel writes in hexadecimal when it holds blanks, quotes or control characters. */
const encoded = new Set([
  'exe',
  'comm',
  'cwd',
  'name',
  'proctitle',
  'cmd',
  'data',
  'path',
  'key',
  'acct',
  'vm',
  'dir',
  'old',
  'new',
  'ocomm',
  'file',
  'watch',
  'root',
])

/** The audit daemon writes `msg=audit(…)`, the kernel's own log `audit(…)`. */
const head = /^(?:node=(\S+) )?type=(\S+) (?:msg=)?audit\((\d+)\.(\d{3}):(\d+)\): ?/

/** Reads a record in the raw or the enriched format; undefined when the text is none. */
export function readAudit(text: string): AuditRecord | undefined {
  const match = head.exec(text)
  if (!match) return undefined
  const values: Record<string, string> = Object.create(null)
  // Enriched records repeat ids in words behind a group separator (0x1d): `uid=0 … \x1dUID="root"`.
  const body = text.slice(match[0].length)
  const separator = body.indexOf('\x1d')
  const type = match[2]!
  readValues(separator < 0 ? body : body.slice(0, separator), values, type === 'EXECVE')
  if (separator >= 0) readValues(body.slice(separator + 1), values, false)
  return { type, timeMs: Number(match[3]) * 1000 + Number(match[4]), serial: match[5]!, node: match[1] ?? '', values }
}

const pairsLimit = 512

function readValues(text: string, values: Record<string, string>, isExecve: boolean): void {
  let at = 0
  for (let count = 0; count < pairsLimit; count++) {
    const equals = text.indexOf('=', at)
    if (equals < 0) return
    const key = text.slice(text.lastIndexOf(' ', equals) + 1, equals)
    const quote = text.charCodeAt(equals + 1)
    if (quote === 39) {
      // msg='op=… exe="…" res=success' is a record within the record.
      const close = text.indexOf("'", equals + 2)
      readValues(text.slice(equals + 2, close < 0 ? text.length : close), values, isExecve)
      at = close < 0 ? text.length : close + 1
      continue
    }
    let end: number
    let value: string
    if (quote === 34) {
      const close = text.indexOf('"', equals + 2)
      end = close < 0 ? text.length : close + 1
      value = text.slice(equals + 2, close < 0 ? text.length : close)
    } else {
      // `subj==unconfined` and AppArmor labels with blanks in brackets do not matter to us: the value ends at a blank.
      const space = text.indexOf(' ', equals + 1)
      end = space < 0 ? text.length : space
      value = text.slice(equals + 1, end)
      if (value.length >= 2 && (encoded.has(key) || (isExecve && /^a\d/.test(key))) && isHex(value))
        value = decodeHex(value)
    }
    if (key !== '' && key.length <= 64) values[key] = value
    at = end
  }
}

function isHex(value: string): boolean {
  return value.length % 2 === 0 && /^[0-9A-F]+$/.test(value)
}

function decodeHex(value: string): string {
  return Buffer.from(value, 'hex').toString('utf8')
}

/**
 * Joins the records of one event into the values parser files see. A key that several records carry with different
 * values is a list, so that a condition on `name` sees every PATH. Arguments of EXECVE become `args`; the numbers that
 * SYSCALL has under the same names are kept as `syscall_a0` to `syscall_a3`.
 */
export function joinAudit(records: AuditRecord[]): SourceValues {
  const joined: Record<string, unknown> = Object.create(null)
  const types: string[] = []
  for (const record of records) {
    if (!types.includes(record.type)) types.push(record.type)
    const values = record.type === 'SYSCALL' ? undoArguments(record.values) : record.values
    for (const key in values) addValue(joined, key, values[key]!)
    if (record.type === 'EXECVE') joined.args = argumentsOf(record.values, joined.args as string[] | undefined)
    if (record.type === 'PROCTITLE' && record.values.proctitle) {
      joined.proctitle = record.values.proctitle.replaceAll('\0', ' ').trim()
    }
    if (record.type === 'SOCKADDR' && record.values.saddr) Object.assign(joined, readSocketAddress(record.values.saddr))
  }
  if (typeof joined.syscall === 'string') {
    // Enriched records name the call; raw ones number it. Rules go by the name.
    joined.syscall =
      typeof joined.SYSCALL === 'string'
        ? joined.SYSCALL
        : syscallName(joined.arch as string | undefined, joined.syscall)
  }
  joined.type = types.length === 1 ? types[0] : types
  joined.serial = records[0]!.serial
  if (records[0]!.node !== '') joined.node = records[0]!.node
  if (Array.isArray(joined.args)) joined.command_line = joined.args.map(quoteArgument).join(' ')
  else if (typeof joined.proctitle === 'string') joined.command_line = joined.proctitle
  return joined
}

function undoArguments(values: Record<string, string>): Record<string, string> {
  const renamed: Record<string, string> = Object.create(null)
  for (const key in values) renamed[/^a[0-3]$/.test(key) ? `syscall_${key}` : key] = values[key]!
  return renamed
}

function addValue(joined: Record<string, unknown>, key: string, value: string): void {
  const present = joined[key]
  if (present === undefined) joined[key] = value
  else if (Array.isArray(present)) {
    if (!present.includes(value) && present.length < 256) present.push(value)
  } else if (present !== value) joined[key] = [present, value]
}

const argumentsLimit = 1024

/** `a0 … aN` in order; a long argument comes in parts, `a1[0] a1[1]`. */
function argumentsOf(values: Record<string, string>, before: string[] | undefined): string[] {
  const list = before ? [...before] : []
  for (let index = 0; index < argumentsLimit; index++) {
    const whole = values[`a${index}`]
    if (whole !== undefined) {
      list[index] = whole
      continue
    }
    let parts = ''
    for (let part = 0; values[`a${index}[${part}]`] !== undefined; part++) parts += values[`a${index}[${part}]`]
    if (parts !== '') list[index] = parts
    else if (values[`a${index}_len`] === undefined && values[`a${index + 1}`] === undefined) break
  }
  return Array.from(list, (argument) => argument ?? '')
}

function quoteArgument(argument: string): string {
  return argument === '' || /[\s"'\\$`]/.test(argument) ? `'${argument.replaceAll("'", "'\\''")}'` : argument
}

/** `saddr` is a struct sockaddr in hexadecimal: family little endian, port and address big endian (Linux on x86, ARM). */
function readSocketAddress(hex: string): SourceValues {
  const bytes = Buffer.from(hex, 'hex')
  if (bytes.length < 4) return {}
  const family = bytes.readUInt16LE(0)
  if (family === 2 && bytes.length >= 8) {
    return { socket_address: bytes.subarray(4, 8).join('.'), socket_port: bytes.readUInt16BE(2) }
  }
  if (family === 10 && bytes.length >= 24) {
    const groups: string[] = []
    for (let at = 8; at < 24; at += 2) groups.push(bytes.readUInt16BE(at).toString(16))
    return { socket_address: groups.join(':'), socket_port: bytes.readUInt16BE(2) }
  }
  if (family === 1) {
    const end = bytes.indexOf(0, 2)
    return { socket_path: bytes.subarray(2, end > 2 ? end : undefined).toString() }
  }
  return {}
}
