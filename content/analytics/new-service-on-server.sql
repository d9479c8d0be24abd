WITH talks AS (
  SELECT unit_path, source_ip, destination_ip, destination_port, lower(network_protocol) AS protocol, timestamp, event_id, source_key
  FROM watchfire.events
  WHERE timestamp >= fromUnixTimestamp64Milli({since: Int64}, 'UTC') AND timestamp < fromUnixTimestamp64Milli({to: Int64}, 'UTC')
    AND event_dataset IN ('flow', 'zeek.conn') AND extra['zeek.conn_state'] IN ('"SF"', '"S1"', '"RSTO"', '"RSTR"')
    AND destination_ip != toIPv6('::') AND source_ip != toIPv6('::') AND destination_port IS NOT NULL AND network_protocol != ''
    AND arrayExists(net -> isIPAddressInRange(toString(destination_ip), net), ['::ffff:10.0.0.0/104', '::ffff:172.16.0.0/108', '::ffff:192.168.0.0/112', '::ffff:100.64.0.0/106', 'fc00::/7'])
),
-- What is a server: known for a week, with a handful of services at most.
servers AS (
  SELECT unit_path AS house, destination_ip AS server, groupUniqArray(100)((destination_port, protocol)) AS services
  FROM talks
  WHERE timestamp < fromUnixTimestamp64Milli({from: Int64}, 'UTC')
  GROUP BY house, server
  HAVING min(timestamp) < fromUnixTimestamp64Milli({from: Int64}, 'UTC') - toIntervalDay(7) AND length(services) <= 20 AND count() >= 20
)
SELECT
  unit_path,
  any(source_key) AS source_key,
  concat(toString(destination_ip), '|', toString(destination_port), '|', protocol) AS group_key,
  toUnixTimestamp64Milli(min(timestamp)) AS time_ms,
  groupArray(50)(event_id) AS event_ids,
  replaceOne(toString(argMin(source_ip, timestamp)), '::ffff:', '') AS `source.ip`,
  replaceOne(toString(destination_ip), '::ffff:', '') AS `destination.ip`,
  destination_port AS `destination.port`,
  protocol AS `network.protocol`,
  arrayStringConcat(arraySort(arrayMap(service -> concat(service.2, ' ', toString(service.1)), any(services))), ', ') AS `watchfire.usual_services`
FROM talks
INNER JOIN servers ON house = unit_path AND server = destination_ip
WHERE timestamp >= fromUnixTimestamp64Milli({from: Int64}, 'UTC') AND NOT has(services, (destination_port, protocol))
GROUP BY unit_path, destination_ip, destination_port, protocol
ORDER BY time_ms, group_key
LIMIT 1000
