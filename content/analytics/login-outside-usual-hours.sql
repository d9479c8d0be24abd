WITH logins AS (
  SELECT unit_path, user_name, toHour(timestamp, {zone: String}) AS hour, toDate(timestamp, {zone: String}) AS day, timestamp, event_id,
    source_key, source_ip, host_name
  FROM watchfire.events
  WHERE timestamp >= fromUnixTimestamp64Milli({since: Int64}, 'UTC') AND timestamp < fromUnixTimestamp64Milli({to: Int64}, 'UTC')
    AND has(event_category, 'authentication') AND event_outcome = 'success' AND user_name != ''
),
habits AS (
  SELECT unit_path, user_name, count() AS times, groupUniqArray(24)(hour) AS hours
  FROM logins WHERE timestamp < fromUnixTimestamp64Milli({from: Int64}, 'UTC')
  GROUP BY unit_path, user_name
  HAVING times >= 20 AND uniqExact(day) >= 5
)
SELECT
  unit_path,
  any(source_key) AS source_key,
  concat(user_name, '|', toString(hour)) AS group_key,
  toUnixTimestamp64Milli(min(timestamp)) AS time_ms,
  arraySlice(arrayMap(pair -> pair.2, arraySort(groupArray(100)((timestamp, event_id)))), 1, 50) AS event_ids,
  user_name AS `user.name`,
  replaceOne(replaceOne(toString(argMin(source_ip, timestamp)), '::ffff:', ''), '::', '') AS `source.ip`,
  argMin(host_name, timestamp) AS `host.name`,
  any(habits.times) AS `watchfire.usual_count`,
  arrayStringConcat(arrayMap(one -> toString(one), arraySort(any(habits.hours))), ', ') AS `watchfire.usual_values`
FROM logins
INNER JOIN habits ON habits.unit_path = logins.unit_path AND habits.user_name = logins.user_name
WHERE timestamp >= fromUnixTimestamp64Milli({from: Int64}, 'UTC')
  AND NOT has(habits.hours, hour) AND NOT has(habits.hours, (hour + 1) % 24) AND NOT has(habits.hours, (hour + 23) % 24)
GROUP BY unit_path, user_name, hour
ORDER BY time_ms, group_key
LIMIT 1000
