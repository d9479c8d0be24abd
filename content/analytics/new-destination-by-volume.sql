WITH flows AS (
  SELECT unit_path, source_ip, destination_ip, timestamp, event_id, source_key, destination_geo_country_iso_code AS country,
    ifNull(source_bytes, 0) AS bytes
  FROM watchfire.events
  WHERE timestamp >= fromUnixTimestamp64Milli({since: Int64}, 'UTC') AND timestamp < fromUnixTimestamp64Milli({to: Int64}, 'UTC')
    AND destination_ip != toIPv6('::') AND source_ip != toIPv6('::')
),
sent AS (
  SELECT
    unit_path, source_ip, destination_ip, sum(bytes) AS total, any(source_key) AS source, any(country) AS place,
    min(timestamp) AS first_at,
    arrayMap(triple -> triple.3, arraySlice(arrayReverseSort(groupArray(1000)((bytes, timestamp, event_id))), 1, 50)) AS ids
  FROM flows
  WHERE timestamp >= fromUnixTimestamp64Milli({from: Int64}, 'UTC') AND bytes > 0
    -- Loopback, private, shared, link-local and multicast networks (RFC 6890).
    AND NOT arrayExists(net -> isIPAddressInRange(toString(destination_ip), net), ['::ffff:10.0.0.0/104', '::ffff:172.16.0.0/108', '::ffff:192.168.0.0/112', '::ffff:100.64.0.0/106', '::ffff:127.0.0.0/104', '::ffff:169.254.0.0/112', '::ffff:224.0.0.0/100', 'fc00::/7', 'fe80::/10', 'ff00::/8', '::1/128'])
  GROUP BY unit_path, source_ip, destination_ip
  HAVING total >= 52428800
),
before AS (
  SELECT DISTINCT unit_path, destination_ip FROM flows WHERE timestamp < fromUnixTimestamp64Milli({from: Int64}, 'UTC')
),
-- A unit whose traffic has been seen for less than a day has no habits yet.
watched AS (
  SELECT unit_path, min(timestamp) AS since FROM flows GROUP BY unit_path
)
SELECT
  unit_path,
  source AS source_key,
  concat(toString(source_ip), '|', toString(destination_ip)) AS group_key,
  toUnixTimestamp64Milli(first_at) AS time_ms,
  ids AS event_ids,
  replaceOne(toString(source_ip), '::ffff:', '') AS `source.ip`,
  replaceOne(toString(destination_ip), '::ffff:', '') AS `destination.ip`,
  place AS `destination.geo.country_iso_code`,
  total AS `source.bytes`
FROM sent
INNER JOIN watched ON watched.unit_path = sent.unit_path
WHERE watched.since < fromUnixTimestamp64Milli({from: Int64}, 'UTC') - toIntervalDay(1)
  AND (unit_path, destination_ip) NOT IN (SELECT unit_path, destination_ip FROM before)
ORDER BY time_ms, group_key
LIMIT 1000
