import { BlockList, isIP } from 'node:net'
import type { AddressTest, NumberRange, PortTest } from './rule.ts'

/** The variables of the configuration that Suricata ships (suricata.yaml, `vars`). */
export const defaultVariables: Readonly<Record<string, string>> = {
  HOME_NET: '[192.168.0.0/16,10.0.0.0/8,172.16.0.0/12]',
  EXTERNAL_NET: '!$HOME_NET',
  HTTP_SERVERS: '$HOME_NET',
  SMTP_SERVERS: '$HOME_NET',
  SQL_SERVERS: '$HOME_NET',
  DNS_SERVERS: '$HOME_NET',
  TELNET_SERVERS: '$HOME_NET',
  AIM_SERVERS: '$EXTERNAL_NET',
  DC_SERVERS: '$HOME_NET',
  DNP3_SERVER: '$HOME_NET',
  DNP3_CLIENT: '$HOME_NET',
  MODBUS_CLIENT: '$HOME_NET',
  MODBUS_SERVER: '$HOME_NET',
  ENIP_CLIENT: '$HOME_NET',
  ENIP_SERVER: '$HOME_NET',
  HTTP_PORTS: '80',
  SHELLCODE_PORTS: '!80',
  ORACLE_PORTS: '1521',
  SSH_PORTS: '22',
  DNP3_PORTS: '20000',
  MODBUS_PORTS: '502',
  FILE_DATA_PORTS: '[$HTTP_PORTS,110,143]',
  FTP_PORTS: '21',
  GENEVE_PORTS: '6081',
  VXLAN_PORTS: '4789',
  TEREDO_PORTS: '3544',
}

const depthLimit = 12

/** Throws RangeError with the reason. */
export function readAddresses(text: string, variables: Readonly<Record<string, string>>): AddressTest {
  return readTest(text, variables, 0, (item): ((address: string) => boolean) => {
    const [address = '', bits] = item.split('/')
    const version = isIP(address)
    if (version === 0) throw new RangeError(`${item} is no address`)
    const list = new BlockList()
    const family = version === 4 ? 'ipv4' : 'ipv6'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
    return (candidate) => list.check(candidate, candidate.includes(':') ? 'ipv6' : 'ipv4')
  })
}

/** Throws RangeError with the reason. */
export function readPorts(text: string, variables: Readonly<Record<string, string>>): PortTest {
  return readTest(text, variables, 0, (item) => {
    const match = /^(\d{0,5})(:)?(\d{0,5})$/.exec(item)
    if (!match || item === '' || item === ':') throw new RangeError(`${item} is no port`)
    const from = Number(match[1] || 0)
    const to = match[2] ? Number(match[3] || 65_535) : from
    return (port: number) => port >= from && port <= to
  })
}

function readTest<Value>(
  text: string,
  variables: Readonly<Record<string, string>>,
  depth: number,
  readItem: (item: string) => (value: Value) => boolean,
): (value: Value) => boolean {
  const trimmed = text.trim()
  if (depth > depthLimit) throw new RangeError('variables or lists lie too deep in each other')
  if (trimmed.startsWith('!')) {
    const inner = readTest(trimmed.slice(1), variables, depth + 1, readItem)
    return (value) => !inner(value)
  }
  if (trimmed === 'any') return () => true
  if (trimmed.startsWith('$')) {
    const value = variables[trimmed.slice(1)]
    if (value === undefined) throw new RangeError(`the variable ${trimmed} is not known`)
    return readTest(value, variables, depth + 1, readItem)
  }
  if (!trimmed.startsWith('[')) return readItem(trimmed)
  if (!trimmed.endsWith(']')) throw new RangeError(`${trimmed} lacks its end`)
  const items = splitList(trimmed.slice(1, -1))
  // A list holds what one of its members holds and none of its negated ones.
  const wanted = items
    .filter((item) => !item.startsWith('!'))
    .map((item) => readTest(item, variables, depth + 1, readItem))
  const unwanted = items
    .filter((item) => item.startsWith('!'))
    .map((item) => readTest(item.slice(1), variables, depth + 1, readItem))
  return (value) => (wanted.length === 0 || wanted.some((test) => test(value))) && !unwanted.some((test) => test(value))
}

function splitList(text: string): string[] {
  const items: string[] = []
  let depth = 0
  let from = 0
  for (let at = 0; at <= text.length; at++) {
    if (text[at] === '[') depth++
    else if (text[at] === ']') depth--
    else if ((at === text.length || text[at] === ',') && depth === 0) {
      const item = text.slice(from, at).trim()
      if (item !== '') items.push(item)
      from = at + 1
    }
  }
  if (items.length === 0) throw new RangeError('a list is empty')
  return items
}

/** `5`, `<5`, `>5`, `1<>5`, `!5`: as dsize, itype, bsize and urilen write numbers. Throws RangeError. */
export function readRange(text: string): NumberRange {
  const match = /^(!)?\s*(?:(<=?|>=?)?\s*(\d+)|(\d+)\s*<>\s*(\d+))$/.exec(text.trim())
  if (!match) throw new RangeError(`${text} is no number or range of numbers`)
  const [, not, sign, number, low, high] = match
  const isNegated = not !== undefined
  if (low !== undefined) return { from: Number(low) + 1, to: Number(high) - 1, isNegated }
  const value = Number(number)
  if (sign === '<') return { from: 0, to: value - 1, isNegated }
  if (sign === '<=') return { from: 0, to: value, isNegated }
  if (sign === '>') return { from: value + 1, to: Number.POSITIVE_INFINITY, isNegated }
  if (sign === '>=') return { from: value, to: Number.POSITIVE_INFINITY, isNegated }
  return { from: value, to: value, isNegated }
}

export function isInRange(value: number, { from, to, isNegated }: NumberRange): boolean {
  return (value >= from && value <= to) !== isNegated
}
