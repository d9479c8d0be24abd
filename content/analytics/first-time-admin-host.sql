-- Hosts an account signed in to with a shell or a desktop, and those of the last weeks.
WITH logins AS (
  SELECT unit_path, user_name, host_name, timestamp, event_id, source_key, source_ip
  FROM watchfire.events
  WHERE timestamp >= fromUnixTimestamp64Milli({since: Int64}, 'UTC') AND timestamp < fromUnixTimestamp64Milli({to: Int64}, 'UTC')
    AND has(event_category, 'authentication') AND event_outcome = 'success' AND user_name != '' AND host_name != ''
    AND NOT endsWith(user_name, '$')
    AND (event_action = 'ssh_login' OR JSONExtractString(extra['winlog.event_data.LogonType']) = '10')
),
usual AS (
  SELECT unit_path, user_name, count() AS times, uniqExact(toDate(timestamp, {zone: String})) AS days, groupUniqArray(500)(host_name) AS hosts
  FROM logins WHERE timestamp < fromUnixTimestamp64Milli({from: Int64}, 'UTC')
  GROUP BY unit_path, user_name
  HAVING times >= 10 AND days >= 5 AND length(hosts) <= 20
)
SELECT
  unit_path,
  any(source_key) AS source_key,
  concat(user_name, '|', host_name) AS group_key,
  toUnixTimestamp64Milli(min(timestamp)) AS time_ms,
  arraySlice(arrayMap(pair -> pair.2, arraySort(groupArray(100)((timestamp, event_id)))), 1, 50) AS event_ids,
  user_name AS `user.name`,
  host_name AS `host.name`,
  replaceOne(toString(argMin(source_ip, timestamp)), '::ffff:', '') AS `source.ip`,
  any(usual.times) AS `watchfire.usual_count`,
  arrayStringConcat(arraySlice(arraySort(any(usual.hosts)), 1, 10), ', ') AS `watchfire.usual_values`
FROM logins
INNER JOIN usual ON usual.unit_path = logins.unit_path AND usual.user_name = logins.user_name
WHERE timestamp >= fromUnixTimestamp64Milli({from: Int64}, 'UTC') AND NOT has(usual.hosts, host_name)
GROUP BY unit_path, user_name, host_name
ORDER BY time_ms, group_key
LIMIT 1000
