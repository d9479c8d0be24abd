-- Calls of a host to an address outside, for detect/behaviour/beacon.ts to weigh.
WITH calls AS (
  SELECT unit_path, source_ip, destination_ip, destination_port, timestamp, event_id, source_key,
    if(event_dataset IN ('http', 'zeek.http', 'suricata.http'), ifNull(http_request_body_bytes, 0) + length(url_original),
      if(mapContains(extra, 'zeek.orig_bytes'), toInt64OrZero(extra['zeek.orig_bytes']), ifNull(source_bytes, 0))) AS sent
  FROM watchfire.events
  WHERE timestamp >= fromUnixTimestamp64Milli({since: Int64}, 'UTC') AND timestamp < fromUnixTimestamp64Milli({to: Int64}, 'UTC')
    AND event_dataset IN ('flow', 'zeek.conn', 'suricata.flow', 'netflow.flow', 'http', 'zeek.http', 'suricata.http')
    AND destination_ip != toIPv6('::') AND source_ip != toIPv6('::')
    -- Services that ask in a rhythm by their nature.
    AND ifNull(destination_port, 53) NOT IN (53, 67, 68, 123, 137, 138, 161, 1900, 5353, 5355)
    -- Loopback, private, shared, link-local and multicast networks (RFC 6890).
    AND NOT arrayExists(net -> isIPAddressInRange(toString(destination_ip), net), ['::ffff:10.0.0.0/104', '::ffff:172.16.0.0/108', '::ffff:192.168.0.0/112', '::ffff:100.64.0.0/106', '::ffff:127.0.0.0/104', '::ffff:169.254.0.0/112', '::ffff:224.0.0.0/100', 'fc00::/7', 'fe80::/10', 'ff00::/8', '::1/128'])
),
houses AS (
  SELECT unit_path AS house, uniqExact(source_ip) AS hosts, toUnixTimestamp64Milli(min(timestamp)) AS since_ms FROM calls GROUP BY house
),
destinations AS (
  SELECT unit_path AS unit, destination_ip AS called, uniqExact(source_ip) AS callers FROM calls GROUP BY unit, called
),
pairs AS (
  SELECT unit_path, source_ip, destination_ip, destination_port, any(source_key) AS source, max(timestamp) AS last_at,
    arraySlice(arrayReverseSort(groupArray(2000)((timestamp, sent, event_id))), 1, 256) AS newest
  FROM calls
  GROUP BY unit_path, source_ip, destination_ip, destination_port
  HAVING count() >= 12 AND last_at >= fromUnixTimestamp64Milli({from: Int64}, 'UTC')
)
SELECT
  unit_path,
  source AS source_key,
  concat(replaceOne(toString(source_ip), '::ffff:', ''), '|', replaceOne(toString(destination_ip), '::ffff:', ''), '|', toString(ifNull(destination_port, 0))) AS group_key,
  toUnixTimestamp64Milli(last_at) AS time_ms,
  arraySlice(arrayMap(call -> call.3, newest), 1, 16) AS event_ids,
  replaceOne(toString(source_ip), '::ffff:', '') AS `source.ip`,
  replaceOne(toString(destination_ip), '::ffff:', '') AS `destination.ip`,
  destination_port AS `destination.port`,
  arrayMap(call -> toUnixTimestamp64Milli(call.1), newest) AS times,
  arrayMap(call -> call.2, newest) AS sizes,
  since_ms AS from_ms,
  toUnixTimestamp64Milli(last_at) AS to_ms,
  callers,
  hosts
FROM pairs
INNER JOIN houses ON house = unit_path
INNER JOIN destinations ON unit = unit_path AND called = destination_ip
ORDER BY time_ms, group_key
LIMIT 1000
