WITH logins AS (
  SELECT unit_path, user_name, source_geo_country_iso_code AS country, timestamp, event_id, source_key, source_ip, host_name
  FROM watchfire.events
  WHERE timestamp >= fromUnixTimestamp64Milli({since: Int64}, 'UTC') AND timestamp < fromUnixTimestamp64Milli({to: Int64}, 'UTC')
    AND has(event_category, 'authentication') AND event_outcome = 'success'
    AND user_name != '' AND source_geo_country_iso_code != ''
),
usual AS (
  SELECT unit_path, user_name, count() AS times, groupUniqArray(200)(country) AS countries
  FROM logins WHERE timestamp < fromUnixTimestamp64Milli({from: Int64}, 'UTC')
  GROUP BY unit_path, user_name
)
SELECT
  unit_path,
  any(source_key) AS source_key,
  concat(user_name, '|', country) AS group_key,
  toUnixTimestamp64Milli(min(timestamp)) AS time_ms,
  arraySlice(arrayMap(pair -> pair.2, arraySort(groupArray(100)((timestamp, event_id)))), 1, 50) AS event_ids,
  user_name AS `user.name`,
  country AS `source.geo.country_iso_code`,
  replaceOne(toString(argMin(source_ip, timestamp)), '::ffff:', '') AS `source.ip`,
  argMin(host_name, timestamp) AS `host.name`,
  any(usual.times) AS `watchfire.usual_count`,
  arrayStringConcat(arraySort(any(usual.countries)), ', ') AS `watchfire.usual_values`
FROM logins
INNER JOIN usual ON usual.unit_path = logins.unit_path AND usual.user_name = logins.user_name
WHERE timestamp >= fromUnixTimestamp64Milli({from: Int64}, 'UTC') AND usual.times >= 5 AND NOT has(usual.countries, country)
GROUP BY unit_path, user_name, country
ORDER BY time_ms, group_key
LIMIT 1000
