import type { FieldValue } from '../../event/event.ts'
import type { JsonRecord } from './reader.ts'
import { transforms } from './transforms.ts'

/**
 * Turns a Windows event in one of the JSON shapes of evtx_dump (attributes under `#attributes`, or beside their element as
 * `<Element>_attributes`) or of Winlogbeat into one flat record by the names Sigma rules use. Any other record comes back as it is.
 */
export function flattenWindowsEvent(record: JsonRecord): JsonRecord {
  const event = asMap(record.Event)
  if (event && asMap(event.System)) return flattenEvtx(event)
  const winlog = asMap(record.winlog)
  return winlog ? flattenWinlog(record, winlog) : record
}

function flattenEvtx(event: JsonRecord): JsonRecord {
  const flat: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(asMap(event.System)!)) addSystem(flat, name, value)
  addData(flat, event.EventData)
  const userData = asMap(event.UserData)
  for (const element of Object.values(userData ?? {})) addData(flat, element)
  return finish(flat)
}

/** `Provider` with attribute `Name` becomes `Provider_Name` (taxonomy appendix of the specification). */
function addSystem(flat: Record<string, unknown>, name: string, value: unknown): void {
  if (name.endsWith('_attributes')) {
    const element = name.slice(0, -'_attributes'.length)
    for (const [attribute, text] of Object.entries(asMap(value) ?? {})) flat[`${element}_${attribute}`] ??= text
    return
  }
  const map = asMap(value)
  if (!map) {
    flat[name] = value
    return
  }
  for (const [attribute, text] of Object.entries(asMap(map['#attributes']) ?? {})) flat[`${name}_${attribute}`] ??= text
  if (map['#text'] !== undefined) flat[name] = map['#text']
}

/** Named data by name; unnamed data as `Data`. What came first stays. */
function addData(flat: Record<string, unknown>, section: unknown): void {
  const map = asMap(section)
  if (!map) {
    if (section !== undefined && section !== null) flat.Data ??= section
    return
  }
  for (const [name, value] of Object.entries(map)) {
    if (name === '#attributes' || name.endsWith('_attributes')) continue
    const text = textOf(value)
    if (flat[name] === undefined) flat[name] = text
    if (name.includes(' ')) flat[name.replaceAll(' ', '')] ??= text
  }
}

function textOf(value: unknown): unknown {
  const map = asMap(value)
  return map && '#text' in map ? map['#text'] : value
}

function flattenWinlog(record: JsonRecord, winlog: JsonRecord): JsonRecord {
  const flat: Record<string, unknown> = {
    EventID: winlog.event_id ?? asMap(record.event)?.code,
    Channel: winlog.channel,
    Provider_Name: winlog.provider_name,
    Provider_Guid: winlog.provider_guid,
    Computer: winlog.computer_name,
    ComputerName: winlog.computer_name,
    EventRecordID: winlog.record_id,
    Security_UserID: asMap(winlog.user)?.identifier,
    Execution_ProcessID: asMap(winlog.process)?.pid,
    Message: record.message,
  }
  for (const key of Object.keys(flat)) if (flat[key] === undefined) delete flat[key]
  addData(flat, winlog.event_data)
  const userData = asMap(winlog.user_data)
  if (userData) addData(flat, userData)
  const unnamed = Object.keys(flat).filter((name) => /^param\d+$/.test(name))
  if (unnamed.length > 0) flat.Data ??= unnamed.map((name) => flat[name])
  return finish(flat)
}

const hexInteger = /^0x0*([0-9a-f]+)$/i
const classicChannel = 'windows powershell'

/** Names under which rules of a category expect what Windows auditing calls otherwise; a name that is taken keeps its meaning. */
const auditNames: Record<string, [name: string, auditName: string][]> = {
  '4688': [
    ['Image', 'NewProcessName'],
    ['ParentImage', 'ParentProcessName'],
    ['User', 'SubjectUserName'],
    ['LogonId', 'SubjectLogonId'],
  ],
  '4657': [
    ['Image', 'ProcessName'],
    ['TargetObject', 'ObjectName'],
    ['Details', 'NewValue'],
    ['User', 'SubjectUserName'],
  ],
  '5156': [
    ['Image', 'Application'],
    ['SourceIp', 'SourceAddress'],
    ['DestinationIp', 'DestAddress'],
    ['DestinationPort', 'DestPort'],
    ['Initiated', 'Direction'],
  ],
}
const auditTransforms: Record<string, string> = {
  '4657 TargetObject': 'registryPath',
  '5156 Image': 'devicePath',
  '5156 Initiated': 'initiated',
}

function addAuditNames(flat: Record<string, unknown>): void {
  const event = String(flat.EventID)
  if (flat.Channel !== 'Security') return
  for (const [name, auditName] of auditNames[event] ?? []) {
    const value = flat[auditName]
    if (value === undefined || flat[name] !== undefined) continue
    const transform = transforms[auditTransforms[`${event} ${name}`] ?? '']
    const values = new Map<string, FieldValue>()
    for (const key of [auditName, 'ObjectValueName'])
      if (flat[key] !== undefined) values.set(key, flat[key] as FieldValue)
    flat[name] = transform ? transform(value as FieldValue, values) : value
  }
}

/** `MD5=…,SHA256=…` stays, and each hash becomes a field of its own. */
function addHashes(flat: Record<string, unknown>): void {
  if (typeof flat.Hashes !== 'string') return
  for (const [, name, value] of flat.Hashes.matchAll(/(MD5|SHA1|SHA256|IMPHASH)=([0-9A-Fa-f]+)/gi)) {
    flat[name!.toUpperCase()] ??= value
    flat[name!.toLowerCase()] ??= value
  }
}

/** Hex integers without padding; hashes, audit names and the key-value block of the classic PowerShell log as fields. */
function finish(flat: Record<string, unknown>): JsonRecord {
  for (const [name, value] of Object.entries(flat)) {
    if (typeof value !== 'string' || !value.startsWith('0x')) continue
    const digits = hexInteger.exec(value)
    if (digits && name !== 'Keywords') flat[name] = `0x${digits[1]!.toLowerCase()}`
  }
  addHashes(flat)
  addAuditNames(flat)
  if (typeof flat.Channel === 'string' && flat.Channel.toLowerCase() === classicChannel && Array.isArray(flat.Data)) {
    const block: unknown = String(flat.EventID) === '800' ? flat.Data[1] : flat.Data[2]
    if (typeof block === 'string') {
      for (const match of block.matchAll(/^\s*([A-Za-z]+)=(.*)$/gm)) flat[match[1]!] ??= match[2]!.trim()
    }
  }
  return flat
}

function asMap(value: unknown): JsonRecord | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonRecord) : undefined
}
