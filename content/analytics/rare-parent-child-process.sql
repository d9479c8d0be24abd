WITH starts AS (
  SELECT unit_path, lower(process_parent_name) AS parent, lower(process_name) AS child, timestamp, event_id, source_key, host_name,
    user_name, process_command_line
  FROM watchfire.events
  WHERE timestamp >= fromUnixTimestamp64Milli({since: Int64}, 'UTC') AND timestamp < fromUnixTimestamp64Milli({to: Int64}, 'UTC')
    AND process_parent_name != '' AND process_name != '' AND process_command_line != ''
),
before AS (
  SELECT unit_path, parent, child, count() AS times FROM starts WHERE timestamp < fromUnixTimestamp64Milli({from: Int64}, 'UTC') GROUP BY unit_path, parent, child
)
SELECT
  unit_path,
  any(source_key) AS source_key,
  concat(parent, '|', child) AS group_key,
  toUnixTimestamp64Milli(min(timestamp)) AS time_ms,
  arraySlice(arrayMap(pair -> pair.2, arraySort(groupArray(100)((timestamp, event_id)))), 1, 50) AS event_ids,
  parent AS `process.parent.name`,
  child AS `process.name`,
  argMin(process_command_line, timestamp) AS `process.command_line`,
  argMin(user_name, timestamp) AS `user.name`,
  argMin(host_name, timestamp) AS `host.name`
FROM starts
WHERE timestamp >= fromUnixTimestamp64Milli({from: Int64}, 'UTC')
  AND (unit_path, parent) IN (SELECT unit_path, parent FROM before GROUP BY unit_path, parent HAVING sum(times) >= 20)
  AND (unit_path, child) IN (SELECT unit_path, child FROM before GROUP BY unit_path, child HAVING sum(times) >= 20)
  AND (unit_path, parent, child) NOT IN (SELECT unit_path, parent, child FROM before)
GROUP BY unit_path, parent, child
HAVING uniqExact(host_name) <= 2
ORDER BY time_ms, group_key
LIMIT 1000
