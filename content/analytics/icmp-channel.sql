-- Exchanges of pings with what they carried, for detect/behaviour/icmp-channel.ts to weigh.
SELECT
  unit_path,
  source_key,
  concat(replaceOne(toString(source_ip), '::ffff:', ''), '|', replaceOne(toString(destination_ip), '::ffff:', '')) AS group_key,
  toUnixTimestamp64Milli(timestamp) AS time_ms,
  [event_id] AS event_ids,
  replaceOne(toString(source_ip), '::ffff:', '') AS `source.ip`,
  replaceOne(toString(destination_ip), '::ffff:', '') AS `destination.ip`,
  toFloat64OrZero(extra['traffic.icmp.requests']) AS requests,
  toFloat64OrZero(extra['traffic.icmp.replies']) AS replies,
  toFloat64OrZero(extra['traffic.icmp.unlike_replies']) AS unlike_replies,
  toFloat64OrZero(extra['traffic.icmp.lengths']) AS lengths,
  toFloat64OrZero(extra['traffic.icmp.longest']) AS longest,
  toFloat64OrZero(extra['traffic.icmp.entropy']) AS entropy,
  toFloat64OrZero(extra['traffic.icmp.change']) AS change
FROM watchfire.events
WHERE timestamp >= fromUnixTimestamp64Milli({from: Int64}, 'UTC') AND timestamp < fromUnixTimestamp64Milli({to: Int64}, 'UTC')
  AND event_dataset = 'flow' AND mapContains(extra, 'traffic.icmp.requests') AND requests + replies >= 8
ORDER BY time_ms, group_key
LIMIT 1000
