import { createHash } from 'node:crypto'
import { totalmem } from 'node:os'

/** A server user and its password. */
export interface Login {
  username: string
  password: string
}

export interface EventsLogins {
  /** Creates and changes tables. */
  migrator: Login
  /** Inserts. */
  writer: Login
  /** Reads events, and only those of the units that the query is asked for. */
  reader: Login
}

export interface ChildCluster {
  name: string
  secret: string
  nodes: readonly { host: string; port: number }[]
}

/**
 * Which rows the reader sees: those whose unit path holds the unit that the setting `log_comment` of the query names
 * (`/12/`). The unit is looked for inside the path, so that a unit that was moved keeps seeing what was stored before.
 * Without the setting there are none, so that forgetting it shows too little, never too much.
 */
const rowFilter =
  "match(getSetting('log_comment'), '^/[0-9]+/$') AND position(unit_path, getSetting('log_comment')) > 0"

/**
 * Users of the embedded server. The engine itself runs as `default`, which needs no password: it may open the listeners
 * and read one table of numbers, and its quota is exactly the queries the child makes, so that another local process
 * can do nothing with it. The quota is counted over 2,000,000,000 s (the engine's bound lies near 2^31).
 */
export function usersXml(logins: EventsLogins, startQueries: number): string {
  const filter = `<filter>${escapeXml(rowFilter)}</filter>`
  return `<clickhouse>
  <profiles>
    <default/>
    <migrator/>
    <writer/>
    <reader>
      <readonly>2</readonly>
      <max_execution_time>60</max_execution_time>
      <max_memory_usage>${Math.floor(totalmem() / 4)}</max_memory_usage>
      <cancel_http_readonly_queries_on_client_close>1</cancel_http_readonly_queries_on_client_close>
      <use_query_condition_cache>0</use_query_condition_cache>
      <use_query_cache>0</use_query_cache>
    </reader>
  </profiles>
  <quotas>
    <default/>
    <start><interval><duration>2000000000</duration><queries>${startQueries}</queries></interval></start>
  </quotas>
  <users>
    <default>
      <password></password>
      <networks><ip>::1</ip></networks>
      <profile>default</profile>
      <quota>start</quota>
      <grants>
        <query>GRANT SYSTEM LISTEN ON *.*</query>
        <query>GRANT SELECT ON system.numbers</query>
      </grants>
    </default>
    ${userXml(logins.migrator, 'migrator', [
      'GRANT SELECT, INSERT, ALTER, CREATE DATABASE, CREATE TABLE, DROP TABLE, TRUNCATE, OPTIMIZE, SHOW ON watchfire.*',
      'GRANT SELECT ON system.*',
      'GRANT KILL QUERY ON *.*',
      'GRANT SYSTEM MERGES, SYSTEM FLUSH ON *.*',
      'GRANT REMOTE ON *.*',
      'GRANT TABLE ENGINE ON *',
    ])}
    ${userXml(logins.writer, 'writer', ['GRANT INSERT ON watchfire.events', 'GRANT INSERT ON watchfire.events_local'])}
    ${userXml(
      logins.reader,
      'reader',
      [
        'GRANT SELECT ON watchfire.events',
        'GRANT SELECT ON watchfire.events_local',
        'GRANT SELECT ON system.parts',
        'GRANT SELECT ON system.one',
      ],
      `<databases><watchfire><events>${filter}</events><events_local>${filter}</events_local></watchfire></databases>`,
    )}
  </users>
</clickhouse>
`
}

function userXml({ username, password }: Login, profile: string, grants: readonly string[], more = ''): string {
  const hash = createHash('sha256').update(password).digest('hex')
  return `<${username}>
      <password_sha256_hex>${hash}</password_sha256_hex>
      <networks><ip>127.0.0.1</ip><ip>::1</ip></networks>
      <profile>${profile}</profile>
      <quota>default</quota>
      <grants>${grants.map((grant) => `<query>${grant}</query>`).join('')}</grants>
      ${more}
    </${username}>`
}

/** Server settings: a share of the machine, since the rest of the program lives beside it. */
export function configXml(usersPath: string, cluster: ChildCluster | undefined): string {
  const mebibyte = 1 << 20
  return `<clickhouse>
  <users_config>${escapeXml(usersPath)}</users_config>
  <max_server_memory_usage_to_ram_ratio>0.5</max_server_memory_usage_to_ram_ratio>
  <mark_cache_size>${256 * mebibyte}</mark_cache_size>
  <index_mark_cache_size>${256 * mebibyte}</index_mark_cache_size>
  <primary_index_cache_size>${256 * mebibyte}</primary_index_cache_size>
  <text_index_tokens_cache_size>${128 * mebibyte}</text_index_tokens_cache_size>
  <text_index_header_cache_size>${128 * mebibyte}</text_index_header_cache_size>
  <text_index_postings_cache_size>${128 * mebibyte}</text_index_postings_cache_size>
  ${cluster ? clusterXml(cluster) : ''}
</clickhouse>
`
}

function clusterXml({ name, secret, nodes }: ChildCluster): string {
  const shards = nodes.map(
    ({ host, port }) => `<shard><replica><host>${host}</host><port>${port}</port></replica></shard>`,
  )
  return `<remote_servers><${name}><secret>${secret}</secret>${shards.join('')}</${name}></remote_servers>`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
