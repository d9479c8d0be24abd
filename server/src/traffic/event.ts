import type { Event, Fields } from '../event/event.ts'
import { isoTime, type TrafficRecord } from './record.ts'

/** What records of a data set have in common. */
const common: Record<string, Fields> = {
  flow: { 'event.category': ['network'], 'event.type': ['connection', 'end'] },
  http: { 'event.category': ['network', 'web'], 'event.type': ['access', 'protocol'] },
  file: { 'event.category': ['file', 'network'], 'event.type': ['info'] },
  host: { 'event.category': ['host', 'network'], 'event.type': ['info'] },
  file_verdict: { 'event.category': ['malware', 'file'], 'event.type': ['info'] },
  weird: { 'event.category': ['network'], 'event.type': ['error'] },
  kerberos: { 'event.category': ['authentication', 'network'], 'event.type': ['start'] },
  ntlm: { 'event.category': ['authentication', 'network'], 'event.type': ['start'] },
  ssh: { 'event.category': ['authentication', 'network'], 'event.type': ['start'] },
  smb: { 'event.category': ['file', 'network'], 'event.type': ['access'] },
  database: { 'event.category': ['database', 'network'], 'event.type': ['access'] },
}

const protocolRecord: Fields = { 'event.category': ['network'], 'event.type': ['protocol'] }

const commonTexts = new Map<string, string>()

/** The record as one line of JSON, flat in ECS: what `watchfire traffic` prints, and a sensor sends to the platform. */
export function recordLine(record: TrafficRecord): string {
  const { dataset, fields, endpoints } = record
  let text = commonTexts.get(dataset)
  if (text === undefined) {
    text = `",${JSON.stringify(commonFields(dataset)).slice(1, -1)},`
    commonTexts.set(dataset, text)
  }
  const own = JSON.stringify(fields)
  const message = `"message":${JSON.stringify(describe(record))}`
  return `{"@timestamp":"${isoTime(record.timeUs)}${text}${endpoints.json}${message}${own === '{}' ? '' : ','}${own.slice(1)}`
}

/** The record as an event, for detection without the platform. */
export function recordEvent(record: TrafficRecord, id: string): Event {
  const timeMs = Math.floor(record.timeUs / 1e3)
  const fields: Fields = {
    ...commonFields(record.dataset),
    ...record.endpoints.fields,
    message: describe(record),
    ...record.fields,
  }
  return { id, timeMs, receivedAtMs: timeMs, raw: new Uint8Array(0), sourceKey: 'traffic', unitPath: '/1/', fields }
}

function commonFields(dataset: string): Fields {
  return {
    'event.kind': 'event',
    'event.module': 'traffic',
    'event.dataset': dataset,
    ...(common[dataset] ?? protocolRecord),
    'observer.type': 'sensor',
  }
}

/** The record in a few words, for lists. */
function describe({ dataset, fields, endpoints }: TrafficRecord): string {
  const get = (name: string) => String(fields[name] ?? '')
  switch (dataset) {
    case 'flow':
      return `${ends(endpoints.fields)} ${fields['network.protocol'] ?? endpoints.fields['network.transport']} ${fields['zeek.conn_state']}, ${fields['source.bytes']} bytes out, ${fields['destination.bytes']} bytes in`
    case 'dns':
      return `dns ${get('dns.type')} ${get('dns.question.name')} ${get('dns.response_code')}`.trimEnd()
    case 'http':
      return `${get('http.request.method')} ${get('url.full')} ${get('http.response.status_code')}`.trim()
    case 'tls':
      return `tls ${fields['tls.client.server_name'] ?? ends(endpoints.fields)}`
    case 'file':
      return `${get('traffic.file.protocol')} ${get('file.mime_type')} ${get('file.name')}`.trim()
    case 'file_verdict':
      return `${get('traffic.file.judge')} ${get('traffic.file.verdict')} ${get('traffic.file.signature')} ${get('file.name')}`.trim()
    case 'host':
      return `host ${get('host.ip')} ${get('host.mac') || get('traffic.host.syn')}`
    case 'weird':
      return `${get('event.action')} ${get('event.reason')}`.trim()
    default:
      return `${dataset} ${ends(endpoints.fields)}`
  }
}

function ends(fields: Fields): string {
  const port = fields['destination.port']
  return `${fields['source.ip']} → ${fields['destination.ip']}${port === undefined ? '' : `:${port}`}`
}
