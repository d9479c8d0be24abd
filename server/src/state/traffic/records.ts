import { parseQuery } from '../../event/query-parse.ts'
import type { SearchScope } from '../events/scope.ts'

/** Records of conversations, whoever watched the wire: our sensor and flow exports, Zeek, Suricata. */
export const flowRecords = '(event.dataset:flow OR event.dataset:zeek.conn OR event.dataset:suricata.flow)'
/** Records of handshakes. */
export const tlsRecords = '(event.dataset:tls OR event.dataset:zeek.ssl OR event.dataset:suricata.tls)'
/** Records of names asked for. */
export const dnsRecords = '(event.dataset:dns OR event.dataset:zeek.dns OR event.dataset:suricata.dns)'

/** The scope narrowed to some records, as text that log search understands. Throws QUERY_INVALID with places in the person's own text. */
export function narrowed(scope: SearchScope, records: string): SearchScope {
  parseQuery(scope.query)
  const own = scope.query.trim()
  return { ...scope, query: own === '' || own === '*' ? records : `${records} AND (${own})` }
}
