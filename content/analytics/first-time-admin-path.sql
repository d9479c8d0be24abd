-- The part of a site that is for administrators, by its path, and the accounts that used it before.
WITH visits AS (
  SELECT unit_path, user_name, if(url_domain != '', url_domain, host_name) AS site,
    match(lower(url_path), '/(admin|administrator|manage|manager|management|console|system|sysadmin|actuator|druid|nacos|jenkins|phpmyadmin|backend|backstage|houtai)(/|\\.|$)') AS administrative,
    timestamp, event_id, source_key, source_ip, url_path
  FROM watchfire.events
  WHERE timestamp >= fromUnixTimestamp64Milli({since: Int64}, 'UTC') AND timestamp < fromUnixTimestamp64Milli({to: Int64}, 'UTC')
    AND has(event_category, 'web') AND user_name NOT IN ('', '-') AND http_response_status_code BETWEEN 200 AND 299
),
known AS (
  SELECT unit_path, user_name, site, count() AS times, uniqExact(toDate(timestamp, {zone: String})) AS days, countIf(administrative) AS before
  FROM visits WHERE timestamp < fromUnixTimestamp64Milli({from: Int64}, 'UTC')
  GROUP BY unit_path, user_name, site
  HAVING times >= 20 AND days >= 3 AND before = 0
)
SELECT
  unit_path,
  any(source_key) AS source_key,
  concat(user_name, '|', site) AS group_key,
  toUnixTimestamp64Milli(min(timestamp)) AS time_ms,
  arraySlice(arrayMap(pair -> pair.2, arraySort(groupArray(100)((timestamp, event_id)))), 1, 50) AS event_ids,
  user_name AS `user.name`,
  site AS `url.domain`,
  argMin(url_path, timestamp) AS `url.path`,
  replaceOne(toString(argMin(source_ip, timestamp)), '::ffff:', '') AS `source.ip`,
  any(known.times) AS `watchfire.usual_count`
FROM visits
INNER JOIN known ON known.unit_path = visits.unit_path AND known.user_name = visits.user_name AND known.site = visits.site
WHERE timestamp >= fromUnixTimestamp64Milli({from: Int64}, 'UTC') AND administrative
GROUP BY unit_path, user_name, site
ORDER BY time_ms, group_key
LIMIT 1000
