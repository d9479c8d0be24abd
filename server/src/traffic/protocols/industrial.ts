import type { Fields } from '../../event/event.ts'
import { u16be, u16le } from '../../lib/binary.ts'
import type { Side } from '../record.ts'
import type {
  Conversation,
  DatagramDissector,
  DatagramProtocol,
  FirstBytes,
  Recognition,
  StreamDissector,
  StreamProtocol,
} from '../stream/conversation.ts'
import { type FrameRule, Framer } from '../stream/framer.ts'

/** What one message of an industrial protocol says: what is done, and whether it changes the plant. */
interface Told {
  action: string
  isWrite: boolean
  fields?: Fields
}

/** Repetitions of the same act in one conversation are counted, not told again and again: control loops poll for years. */
class Acts {
  private readonly known = new Map<string, number>()
  private readonly conversation: Conversation
  private readonly dataset: string

  constructor(conversation: Conversation, dataset: string) {
    this.conversation = conversation
    this.dataset = dataset
  }

  tell(told: Told | undefined, timeUs: number): void {
    if (!told) return
    const key = `${told.action}|${JSON.stringify(told.fields ?? {})}`
    const count = (this.known.get(key) ?? 0) + 1
    if (this.known.size < 4_096 || this.known.has(key)) this.known.set(key, count)
    if (count > 1 && !told.isWrite) return
    this.conversation.emit(this.dataset, timeUs, {
      'event.action': told.action,
      'traffic.industrial.is_write': told.isWrite,
      ...told.fields,
    })
  }

  end(timeUs: number): void {
    for (const [key, count] of this.known) {
      if (count < 2) continue
      const [action = ''] = key.split('|')
      this.conversation.emit(this.dataset, timeUs, {
        'event.action': action,
        'traffic.industrial.repeated': count,
        ...(JSON.parse(key.slice(action.length + 1)) as Fields),
      })
    }
  }
}

/** A protocol whose frames can be read one by one. */
function framed(
  name: string,
  rule: FrameRule,
  isFirst: (first: FirstBytes) => Recognition,
  read: (side: Side, bytes: Uint8Array, start: number, end: number) => Told | undefined,
): StreamProtocol {
  return {
    name,
    recognise: isFirst,
    create: (conversation) => new FramedActs(conversation, name, rule, read),
  }
}

class FramedActs implements StreamDissector {
  private readonly acts: Acts
  private readonly framers: readonly [Framer, Framer]
  private readonly read: (side: Side, bytes: Uint8Array, start: number, end: number) => Told | undefined

  constructor(
    conversation: Conversation,
    name: string,
    rule: FrameRule,
    read: (side: Side, bytes: Uint8Array, start: number, end: number) => Told | undefined,
  ) {
    this.acts = new Acts(conversation, name)
    this.framers = [new Framer(rule), new Framer(rule)]
    this.read = read
  }

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    return this.framers[side].push(bytes, start, end, (source, from, to) =>
      this.acts.tell(this.read(side, source, from, to), timeUs),
    )
  }

  gap(): boolean {
    return false
  }

  end(timeUs: number): void {
    this.acts.end(timeUs)
  }
}

/** Modbus Application Protocol 1.1b3, section 6. */
const modbusFunctions: Record<number, [name: string, isWrite: boolean]> = {
  1: ['READ_COILS', false], 2: ['READ_DISCRETE_INPUTS', false], 3: ['READ_HOLDING_REGISTERS', false], 4: ['READ_INPUT_REGISTERS', false],
  5: ['WRITE_SINGLE_COIL', true], 6: ['WRITE_SINGLE_REGISTER', true], 7: ['READ_EXCEPTION_STATUS', false], 8: ['DIAGNOSTICS', true],
  11: ['GET_COMM_EVENT_COUNTER', false], 12: ['GET_COMM_EVENT_LOG', false], 15: ['WRITE_MULTIPLE_COILS', true],
  16: ['WRITE_MULTIPLE_REGISTERS', true], 17: ['REPORT_SERVER_ID', false], 20: ['READ_FILE_RECORD', false],
  21: ['WRITE_FILE_RECORD', true], 22: ['MASK_WRITE_REGISTER', true], 23: ['READ_WRITE_MULTIPLE_REGISTERS', true],
  24: ['READ_FIFO_QUEUE', false], 43: ['ENCAPSULATED_INTERFACE_TRANSPORT', false], 90: ['UMAS', true],
} // biome-ignore format: a list

export const modbus = framed(
  'modbus',
  {
    headerBytes: 6,
    limitBytes: 266,
    lengthOf: (bytes, at) => (u16be(bytes, at + 2) === 0 && u16be(bytes, at + 4) >= 2 ? 6 + u16be(bytes, at + 4) : -1),
  },
  ({ bytes, start, end, ports }) => {
    if (end - start < 8) return ports[1] === 502 ? 'more' : 'no'
    const length = u16be(bytes, start + 4)
    const isWhole = length >= 2 && length <= 254 && 6 + length <= end - start
    const isKnown = modbusFunctions[bytes[start + 7]! & 0x7f] !== undefined
    return u16be(bytes, start + 2) === 0 && isWhole && isKnown && (ports[1] === 502 || 6 + length === end - start)
      ? 'yes'
      : 'no'
  },
  (side, bytes, start, end) => {
    const code = bytes[start + 7]!
    const [name, isWrite] = modbusFunctions[code & 0x7f] ?? [`FUNCTION_${code & 0x7f}`, false]
    const unit = { 'traffic.industrial.unit': bytes[start + 6]! }
    if (code & 0x80)
      return {
        action: `${name}_EXCEPTION`,
        isWrite: false,
        fields: { ...unit, 'traffic.industrial.exception': bytes[start + 8] ?? 0 },
      }
    if (side === 1) return undefined
    const address: Fields =
      end - start >= 10 && code <= 23 ? { 'traffic.industrial.address': u16be(bytes, start + 8) } : {}
    return { action: name, isWrite, fields: { ...unit, ...address } }
  },
)

/** S7comm functions, as Wireshark's and Snap7's documentation of the protocol name them. */
const s7Functions: Record<number, [name: string, isWrite: boolean]> = {
  0: ['CPU_SERVICES', false], 240: ['SETUP_COMMUNICATION', false], 4: ['READ_VAR', false], 5: ['WRITE_VAR', true],
  26: ['REQUEST_DOWNLOAD', true], 27: ['DOWNLOAD_BLOCK', true], 28: ['DOWNLOAD_ENDED', true], 29: ['START_UPLOAD', false],
  30: ['UPLOAD', false], 31: ['END_UPLOAD', false], 40: ['PI_SERVICE', true], 41: ['PLC_STOP', true],
} // biome-ignore format: a list

export const s7 = framed(
  's7comm',
  { headerBytes: 4, limitBytes: 65_535, lengthOf: (bytes, at) => (bytes[at] === 3 ? u16be(bytes, at + 2) : -1) },
  ({ bytes, start, end, ports }) => {
    // RFC 1006 carries it, as it carries RDP; the first data tells which. The port decides for the connection request.
    if (end - start < 7 || bytes[start] !== 3 || bytes[start + 1] !== 0) return 'no'
    if (ports[1] === 102) return 'yes'
    return end - start > 8 && bytes[start + 5] === 0xf0 && (bytes[start + 7] === 0x32 || bytes[start + 7] === 0x72)
      ? 'yes'
      : 'no'
  },
  (side, bytes, start, end) => {
    if (bytes[start + 5] === 0xe0 && side === 0) return { action: 'COTP_CONNECT', isWrite: false }
    if (bytes[start + 5] !== 0xf0 || end - start < 18) return undefined
    if (bytes[start + 7] === 0x72) return { action: 'S7COMM_PLUS', isWrite: false }
    if (bytes[start + 7] !== 0x32 || side === 1) return undefined
    const kind = bytes[start + 8]!
    if (kind === 7) return { action: 'USERDATA', isWrite: false }
    const [name, isWrite] = s7Functions[bytes[start + 17]!] ?? [`FUNCTION_${bytes[start + 17]}`, false]
    return { action: name, isWrite }
  },
)

/** IEC 60870-5-101/104 type identifications: commands change the plant. */
function iecType(type: number): [name: string, isWrite: boolean] {
  const names: Record<number, string> = {
    45: 'C_SC_NA_1', 46: 'C_DC_NA_1', 47: 'C_RC_NA_1', 48: 'C_SE_NA_1', 49: 'C_SE_NB_1', 50: 'C_SE_NC_1', 51: 'C_BO_NA_1',
    58: 'C_SC_TA_1', 59: 'C_DC_TA_1', 60: 'C_RC_TA_1', 61: 'C_SE_TA_1', 62: 'C_SE_TB_1', 63: 'C_SE_TC_1', 64: 'C_BO_TA_1',
    100: 'C_IC_NA_1', 101: 'C_CI_NA_1', 102: 'C_RD_NA_1', 103: 'C_CS_NA_1', 105: 'C_RP_NA_1', 107: 'C_TS_TA_1',
    120: 'F_FR_NA_1', 122: 'F_SC_NA_1', 125: 'F_SG_NA_1', 1: 'M_SP_NA_1', 3: 'M_DP_NA_1', 9: 'M_ME_NA_1', 11: 'M_ME_NB_1',
    13: 'M_ME_NC_1', 30: 'M_SP_TB_1', 31: 'M_DP_TB_1', 36: 'M_ME_TF_1', 70: 'M_EI_NA_1',
  } // biome-ignore format: a list
  return [
    names[type] ?? `TYPE_${type}`,
    (type >= 45 && type <= 64) || type === 105 || type === 103 || (type >= 120 && type <= 127),
  ]
}

export const iec104 = framed(
  'iec104',
  { headerBytes: 2, limitBytes: 255, lengthOf: (bytes, at) => (bytes[at] === 0x68 ? 2 + bytes[at + 1]! : -1) },
  ({ bytes, start, end, ports }) => {
    if (bytes[start] !== 0x68) return 'no'
    if (end - start < 6) return 'more'
    const length = bytes[start + 1]!
    const isControl = length === 4 && (bytes[start + 2]! & 1) === 1
    return length >= 4 &&
      length <= 253 &&
      (ports[1] === 2404 || (isControl && end - start === 6 && [0x07, 0x43, 0x13].includes(bytes[start + 2]!)))
      ? 'yes'
      : 'no'
  },
  (_side, bytes, start, end) => {
    if (bytes[start + 2]! & 1 || end - start < 12) return undefined
    const [name, isWrite] = iecType(bytes[start + 6]!)
    const cause = bytes[start + 8]! & 0x3f
    return {
      action: name,
      isWrite: isWrite && (cause === 6 || cause === 8),
      fields: { 'traffic.industrial.cause': cause, 'traffic.industrial.address': u16le(bytes, start + 10) },
    }
  },
)

/** IEEE 1815 (DNP3) application functions. */
const dnp3Functions: Record<number, [name: string, isWrite: boolean]> = {
  0: ['CONFIRM', false], 1: ['READ', false], 2: ['WRITE', true], 3: ['SELECT', false], 4: ['OPERATE', true], 5: ['DIRECT_OPERATE', true],
  6: ['DIRECT_OPERATE_NR', true], 7: ['IMMED_FREEZE', true], 13: ['COLD_RESTART', true], 14: ['WARM_RESTART', true],
  15: ['INITIALIZE_DATA', true], 16: ['INITIALIZE_APPL', true], 17: ['START_APPL', true], 18: ['STOP_APPL', true],
  19: ['SAVE_CONFIG', true], 20: ['ENABLE_UNSOLICITED', true], 21: ['DISABLE_UNSOLICITED', true], 24: ['RECORD_CURRENT_TIME', false],
  25: ['OPEN_FILE', true], 27: ['DELETE_FILE', true], 129: ['RESPONSE', false], 130: ['UNSOLICITED_RESPONSE', false],
} // biome-ignore format: a list

function dnp3Length(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== 0x05 || bytes[at + 1] !== 0x64 || bytes[at + 2]! < 5) return -1
  // A header block of 10 octets, then blocks of up to 16 with two octets of check sum each.
  const user = bytes[at + 2]! - 5
  return 10 + user + 2 * Math.ceil(user / 16)
}

export const dnp3 = framed(
  'dnp3',
  { headerBytes: 10, limitBytes: 292, lengthOf: dnp3Length },
  ({ bytes, start, end }) => {
    if (bytes[start] !== 0x05 || (end - start > 1 && bytes[start + 1] !== 0x64)) return 'no'
    return end - start < 10 ? 'more' : dnp3Length(bytes, start) > 0 ? 'yes' : 'no'
  },
  (_side, bytes, start, end) => {
    // Transport octet at 10, application control at 11, function at 12; only the first fragment has them.
    if (end - start < 13 || (bytes[start + 10]! & 0x40) === 0) return undefined
    const [name, isWrite] = dnp3Functions[bytes[start + 12]!] ?? [`FUNCTION_${bytes[start + 12]}`, false]
    return {
      action: name,
      isWrite,
      fields: {
        'traffic.industrial.address': u16le(bytes, start + 4),
        'traffic.industrial.from_address': u16le(bytes, start + 6),
      },
    }
  },
)

/** ASHRAE 135 (BACnet) services. */
const bacnetConfirmed: Record<number, [name: string, isWrite: boolean]> = {
  6: ['ATOMIC_READ_FILE', false], 7: ['ATOMIC_WRITE_FILE', true], 8: ['ADD_LIST_ELEMENT', true], 9: ['REMOVE_LIST_ELEMENT', true],
  10: ['CREATE_OBJECT', true], 11: ['DELETE_OBJECT', true], 12: ['READ_PROPERTY', false], 14: ['READ_PROPERTY_MULTIPLE', false],
  15: ['WRITE_PROPERTY', true], 16: ['WRITE_PROPERTY_MULTIPLE', true], 17: ['DEVICE_COMMUNICATION_CONTROL', true],
  20: ['REINITIALIZE_DEVICE', true], 26: ['READ_RANGE', false], 5: ['SUBSCRIBE_COV', false],
} // biome-ignore format: a list
const bacnetUnconfirmed = [
  'I_AM',
  'I_HAVE',
  'UNCONFIRMED_COV',
  'UNCONFIRMED_EVENT',
  'PRIVATE_TRANSFER',
  'TEXT_MESSAGE',
  'TIME_SYNCHRONIZATION',
  'WHO_HAS',
  'WHO_IS',
  'UTC_TIME_SYNCHRONIZATION',
]

export const bacnet: DatagramProtocol = {
  name: 'bacnet',
  recognise({ bytes, start, end }: FirstBytes): Recognition {
    return end - start >= 6 &&
      bytes[start] === 0x81 &&
      bytes[start + 1]! <= 0x0b &&
      u16be(bytes, start + 2) === end - start
      ? 'yes'
      : 'no'
  },
  create: (conversation) => new BacnetDissector(conversation),
}

class BacnetDissector implements DatagramDissector {
  private readonly acts: Acts

  constructor(conversation: Conversation) {
    this.acts = new Acts(conversation, 'bacnet')
  }

  datagram(_side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    this.acts.tell(bacnetAct(bytes, start, end), timeUs)
    return true
  }

  end(timeUs: number): void {
    this.acts.end(timeUs)
  }
}

function bacnetAct(bytes: Uint8Array, start: number, end: number): Told | undefined {
  let at = start + 4
  if (bytes[start + 1] === 0x04) at += 6
  if (end - at < 4 || bytes[at] !== 1) return undefined
  const control = bytes[at + 1]!
  at += 2
  if (control & 0x80) return undefined
  if (control & 0x20) at += 3 + (bytes[at + 2] ?? 0)
  if (control & 0x08) at += 3 + (bytes[at + 2] ?? 0)
  if (control & 0x20) at += 1
  if (end - at < 2) return undefined
  const kind = bytes[at]! >> 4
  if (kind === 1) return { action: bacnetUnconfirmed[bytes[at + 1]!] ?? `UNCONFIRMED_${bytes[at + 1]}`, isWrite: false }
  if (kind !== 0 || end - at < 4) return undefined
  const service = bytes[at]! & 0x08 ? bytes[at + 5] : bytes[at + 3]
  const [name, isWrite] = bacnetConfirmed[service ?? -1] ?? [`CONFIRMED_${service}`, false]
  return { action: name, isWrite }
}
