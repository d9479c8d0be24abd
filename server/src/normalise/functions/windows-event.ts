import type { SourceValues } from '../run.ts'

/**
 * Turns any of the JSON shapes of a Windows event into one: `{ winlog: { channel, event_id, … , event_data, user_data },
 * … }` as Winlogbeat and Elastic Agent write it. The shapes: evtx_dump with `#attributes` or with `_attributes`
 * members, and Winlogbeat's own (with or without what its ingest pipeline added). Undefined when it is none of them.
 */
export function canonicalWindowsEvent(source: SourceValues): SourceValues | undefined {
  const event = source.Event
  if (isObject(event) && isObject(event.System)) return fromEvtxDump(event, event.System)
  const winlog = source.winlog
  if (isObject(winlog) && (winlog.event_id !== undefined || winlog.channel !== undefined))
    return fromWinlogbeat(source, winlog)
  return fromFlatWinlogbeat(source) ?? fromFlatEvent(source)
}

function isObject(value: unknown): value is SourceValues {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Text of an element that may carry attributes: `4624` or `{"#attributes": {…}, "#text": 4624}`. */
function text(value: unknown): unknown {
  return isObject(value) ? value['#text'] : value
}

/** Attributes of an element in either shape. */
function attributes(parent: SourceValues, name: string): SourceValues {
  const element = parent[name]
  if (isObject(element) && isObject(element['#attributes'])) return element['#attributes']
  const beside = parent[`${name}_attributes`]
  return isObject(beside) ? beside : {}
}

function fromEvtxDump(event: SourceValues, system: SourceValues): SourceValues {
  const provider = attributes(system, 'Provider')
  const execution = attributes(system, 'Execution')
  const security = attributes(system, 'Security')
  const correlation = attributes(system, 'Correlation')
  const winlog: SourceValues = {
    channel: text(system.Channel),
    event_id: asText(text(system.EventID)),
    provider_name: provider.Name ?? provider.EventSourceName,
    provider_guid: provider.Guid,
    computer_name: text(system.Computer),
    record_id: asText(text(system.EventRecordID)),
    task: asText(text(system.Task)),
    opcode: asText(text(system.Opcode)),
    version: text(system.Version),
    keywords: text(system.Keywords),
    activity_id: correlation.ActivityID,
    process: { pid: execution.ProcessID, thread: { id: execution.ThreadID } },
    user: { identifier: security.UserID },
  }
  const userData = event.UserData ?? event.ProcessingErrorData
  if (isObject(event.EventData)) winlog.event_data = eventData(event.EventData)
  if (isObject(userData)) winlog.user_data = leaves(userData)
  return {
    winlog: withoutUndefined(winlog),
    Level: text(system.Level),
    '@timestamp': attributes(system, 'TimeCreated').SystemTime,
  }
}

/** Names to values; `Data` without names is `Data` and, as Winlogbeat numbers it, `param1`, `param2`. */
function eventData(data: SourceValues): SourceValues {
  const values: SourceValues = {}
  for (const [name, value] of Object.entries(data)) {
    if (name === '#attributes' || name.endsWith('_attributes')) continue
    if (name === 'Data') {
      const unnamed = unnamedData(value)
      values.Data = unnamed.length === 1 ? unnamed[0] : unnamed
      for (const [index, item] of unnamed.entries()) if (index < 64) values[`param${index + 1}`] = item
    } else put(values, name, canonicalValue(text(value)))
  }
  return values
}

function unnamedData(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.map((item) => text(item) ?? '')
  const inner = text(value)
  return Array.isArray(inner) ? inner : [inner ?? '']
}

/** UserData nests one element of the provider's own name: its leaves, the first of a name wins. */
function leaves(data: SourceValues, into: SourceValues = {}, depth = 0): SourceValues {
  for (const [name, value] of Object.entries(data)) {
    if (name === '#attributes' || name.endsWith('_attributes')) continue
    const plain = text(value)
    if (isObject(value) && plain === undefined && depth < 8) leaves(value, into, depth + 1)
    else if (into[name] === undefined) put(into, name, canonicalValue(plain))
  }
  return into
}

/** `Threat Name` is also kept as `ThreatName`: rules are written either way. */
function put(values: SourceValues, name: string, value: unknown): void {
  values[name] = value
  if (name.includes(' ')) values[name.replaceAll(' ', '')] ??= value
}

/** Hexadecimal integers without padding, in lower case; everything else stays as it is, blanks included. */
function canonicalValue(value: unknown): unknown {
  if (typeof value !== 'string') return value
  if (value.length > 2 && value.length <= 18 && value.charCodeAt(0) === 48 && (value.charCodeAt(1) | 32) === 120) {
    if (/^0[xX][0-9a-fA-F]+$/.test(value))
      return `0x${value
        .slice(2)
        .replace(/^0+(?=.)/, '')
        .toLowerCase()}`
  }
  return value
}

function asText(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : String(value)
}

/** Leaves out members without a value; a new object, since deleting from one makes it slow. */
function withoutUndefined(values: SourceValues): SourceValues {
  const kept: SourceValues = {}
  for (const key in values) {
    const value = values[key]
    if (value === undefined || value === null) continue
    kept[key] = isObject(value) && key !== 'event_data' && key !== 'user_data' ? withoutUndefined(value) : value
  }
  return kept
}

function fromWinlogbeat(source: SourceValues, winlog: SourceValues): SourceValues {
  const copy: SourceValues = { ...source }
  const canonical: SourceValues = { ...winlog }
  const eventId = winlog.event_id
  canonical.event_id = asText(isObject(eventId) ? eventId.id : eventId)
  if (winlog.record_id !== undefined) canonical.record_id = asText(winlog.record_id)
  for (const part of ['event_data', 'user_data'] as const) {
    const values = winlog[part]
    if (!isObject(values)) continue
    const changed: SourceValues = {}
    for (const [name, value] of Object.entries(values)) put(changed, name, canonicalValue(value))
    canonical[part] = changed
  }
  copy.winlog = canonical
  const log = source.log
  if (isObject(log) && copy.Level === undefined) copy.Level = log.level
  return copy
}

/** Flat dotted keys (`winlog.event_id`), as some shippers send: nested first. */
function fromFlatWinlogbeat(source: SourceValues): SourceValues | undefined {
  if (source['winlog.event_id'] === undefined && source['winlog.channel'] === undefined) return undefined
  const winlog: SourceValues = {}
  const rest: SourceValues = {}
  for (const [name, value] of Object.entries(source)) {
    if (!name.startsWith('winlog.')) rest[name] = value
    else if (name.startsWith('winlog.event_data.')) {
      winlog.event_data ??= {}
      ;(winlog.event_data as SourceValues)[name.slice(18)] = value
    } else if (name.startsWith('winlog.user_data.')) {
      winlog.user_data ??= {}
      ;(winlog.user_data as SourceValues)[name.slice(17)] = value
    } else winlog[name.slice(7)] = value
  }
  return fromWinlogbeat({ ...rest, winlog }, winlog)
}

/** System members of flat records, under the names NXLog and others give them, and where they belong. */
const flatSystem: Readonly<Record<string, string>> = {
  EventID: 'event_id',
  Channel: 'channel',
  Provider_Name: 'provider_name',
  ProviderName: 'provider_name',
  SourceName: 'provider_name',
  ProviderGuid: 'provider_guid',
  Computer: 'computer_name',
  Hostname: 'computer_name',
  EventRecordID: 'record_id',
  RecordNumber: 'record_id',
  Keywords: 'keywords',
  Task: 'task',
  Opcode: 'opcode',
}
const flatOther = new Set([
  '@timestamp',
  'EventTime',
  'UtcTime',
  'TimeCreated',
  'SystemTime',
  'Message',
  'message',
  'Level',
  'Severity',
  'SeverityValue',
])

/** One flat object, system members beside event data, as NXLog sends it and as rule tests are written. */
function fromFlatEvent(source: SourceValues): SourceValues | undefined {
  if (source.EventID === undefined || source.Channel === undefined) return undefined
  const winlog: SourceValues = {}
  const data: SourceValues = {}
  for (const [name, value] of Object.entries(source)) {
    const system = flatSystem[name]
    if (system !== undefined) winlog[system] ??= typeof value === 'number' ? String(value) : value
    else if (!flatOther.has(name) || name === 'UtcTime') put(data, name, canonicalValue(value))
  }
  winlog.event_data = data
  if (source.ProcessID !== undefined && source.ThreadID !== undefined) {
    winlog.process = { pid: source.ProcessID, thread: { id: source.ThreadID } }
  }
  if (source.EventType === 'AUDIT_FAILURE') winlog.keywords = 'Audit Failure'
  if (source.EventType === 'AUDIT_SUCCESS') winlog.keywords = 'Audit Success'
  return {
    winlog,
    '@timestamp': source['@timestamp'] ?? source.EventTime ?? source.SystemTime ?? source.TimeCreated ?? source.UtcTime,
    message: source.Message ?? source.message,
    Level: source.Level,
  }
}

/**
 * Fields of the classic `Windows PowerShell` events 400, 403, 600 and 800: the last unnamed value is a text of
 * `Key=Value` lines (800: the second value).
 */
export function classicPowerShellFields(data: unknown, eventId: string): SourceValues {
  const list = Array.isArray(data) ? data : [data]
  const detail = list[eventId === '800' ? 1 : 2] ?? list.at(-1)
  const fields: SourceValues = {}
  if (typeof detail !== 'string') return fields
  for (const line of detail.split(/\r?\n/).slice(0, 200)) {
    const equals = line.indexOf('=')
    const key = line.slice(0, equals).trim()
    if (equals > 0 && /^[A-Za-z]\w{0,63}$/.test(key)) fields[key] ??= line.slice(equals + 1)
  }
  return fields
}
