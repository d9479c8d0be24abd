import type { Event, Fields } from '../event/event.ts'
import type { TrafficRecord } from './record.ts'

/** What records of a data set have in common. */
const common: Record<string, Fields> = {
  flow: { 'event.category': ['network'], 'event.type': ['connection', 'end'] },
  http: { 'event.category': ['network', 'web'], 'event.type': ['access', 'protocol'] },
  file: { 'event.category': ['file', 'network'], 'event.type': ['info'] },
  weird: { 'event.category': ['network'], 'event.type': ['error'] },
  kerberos: { 'event.category': ['authentication', 'network'], 'event.type': ['start'] },
  ntlm: { 'event.category': ['authentication', 'network'], 'event.type': ['start'] },
  ssh: { 'event.category': ['authentication', 'network'], 'event.type': ['start'] },
  smb: { 'event.category': ['file', 'network'], 'event.type': ['access'] },
  database: { 'event.category': ['database', 'network'], 'event.type': ['access'] },
}

const protocolRecord: Fields = { 'event.category': ['network'], 'event.type': ['protocol'] }

/** The record as one flat object in ECS: a line of `watchfire traffic`, and what a sensor sends to the platform. */
export function recordObject(record: TrafficRecord): Record<string, unknown> {
  return { '@timestamp': new Date(record.timeUs / 1e3).toISOString(), ...recordFields(record) }
}

function recordFields({ dataset, fields }: TrafficRecord): Fields {
  return {
    'event.kind': 'event',
    'event.module': 'traffic',
    'event.dataset': dataset,
    ...(common[dataset] ?? protocolRecord),
    'observer.type': 'sensor',
    message: describe(dataset, fields),
    ...fields,
  }
}

/** The record as an event, for detection without the platform. */
export function recordEvent(record: TrafficRecord, id: string): Event {
  const timeMs = Math.floor(record.timeUs / 1e3)
  const fields = recordFields(record)
  return { id, timeMs, receivedAtMs: timeMs, raw: new Uint8Array(0), sourceKey: 'traffic', unitPath: '/1/', fields }
}

function describe(dataset: string, fields: Fields): string {
  const get = (name: string) => (fields[name] === undefined || fields[name] === null ? '' : String(fields[name]))
  const port = get('destination.port')
  const ends = `${get('source.ip')} → ${get('destination.ip')}${port === '' ? '' : `:${port}`}`
  const words: Record<string, () => string> = {
    flow: () =>
      `${ends} ${get('network.protocol') || get('network.transport')} ${get('zeek.conn_state')}, ${get('source.bytes')} bytes out, ${get('destination.bytes')} bytes in`,
    dns: () => `dns ${get('dns.type')} ${get('dns.question.name')} ${get('dns.response_code')}`,
    http: () => `${get('http.request.method')} ${get('url.full')} ${get('http.response.status_code')}`,
    tls: () => `tls ${get('tls.client.server_name') || ends}`,
    file: () => `${get('traffic.file.protocol')} ${get('file.mime_type')} ${get('file.name')}`,
    weird: () => `${get('event.action')} ${get('event.reason')}`,
  }
  return (words[dataset]?.() ?? `${dataset} ${ends}`).trim()
}
