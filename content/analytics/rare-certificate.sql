WITH hellos AS (
  SELECT unit_path, source_ip, destination_ip, timestamp, event_id, source_key,
    trim(BOTH '"' FROM extra['tls.server.hash.sha256']) AS fingerprint,
    trim(BOTH '"' FROM extra['tls.server.subject']) AS subject,
    extra['traffic.tls.self_signed'] = 'true' AS is_self_signed
  FROM watchfire.events
  WHERE timestamp >= fromUnixTimestamp64Milli({since: Int64}, 'UTC') AND timestamp < fromUnixTimestamp64Milli({to: Int64}, 'UTC')
    AND event_dataset = 'tls' AND mapContains(extra, 'tls.server.hash.sha256') AND source_ip != toIPv6('::')
    -- Loopback, private, shared, link-local and multicast networks (RFC 6890).
    AND NOT arrayExists(net -> isIPAddressInRange(toString(destination_ip), net), ['::ffff:10.0.0.0/104', '::ffff:172.16.0.0/108', '::ffff:192.168.0.0/112', '::ffff:100.64.0.0/106', '::ffff:127.0.0.0/104', '::ffff:169.254.0.0/112', '::ffff:224.0.0.0/100', 'fc00::/7', 'fe80::/10', 'ff00::/8', '::1/128'])
),
before AS (
  SELECT DISTINCT unit_path, fingerprint FROM hellos WHERE timestamp < fromUnixTimestamp64Milli({from: Int64}, 'UTC')
),
-- A unit whose traffic has been seen for less than a day has no habits yet.
watched AS (
  SELECT unit_path AS house, min(timestamp) AS since FROM hellos GROUP BY house
)
SELECT
  unit_path,
  any(source_key) AS source_key,
  concat(toString(destination_ip), '|', fingerprint) AS group_key,
  toUnixTimestamp64Milli(min(timestamp)) AS time_ms,
  arraySlice(groupArray(50)(event_id), 1, 50) AS event_ids,
  replaceOne(toString(argMin(source_ip, timestamp)), '::ffff:', '') AS `source.ip`,
  replaceOne(toString(destination_ip), '::ffff:', '') AS `destination.ip`,
  any(subject) AS `tls.server.subject`,
  fingerprint AS `tls.server.hash.sha256`,
  uniqExact(source_ip) AS `watchfire.hosts`
FROM hellos
INNER JOIN watched ON house = unit_path
WHERE timestamp >= fromUnixTimestamp64Milli({from: Int64}, 'UTC') AND is_self_signed
  AND since < fromUnixTimestamp64Milli({from: Int64}, 'UTC') - toIntervalDay(1)
  AND (unit_path, fingerprint) NOT IN (SELECT unit_path, fingerprint FROM before)
GROUP BY unit_path, destination_ip, fingerprint
HAVING uniqExact(source_ip) <= 2
ORDER BY time_ms, group_key
LIMIT 1000
