-- Names a host asked below one domain, for detect/behaviour/dns-tunnel.ts to weigh.
WITH asked AS (
  SELECT unit_path, source_ip, timestamp, event_id, source_key, lower(dns_question_name) AS name, upper(dns_question_type) AS type,
    splitByChar('.', lower(dns_question_name)) AS labels,
    match(labels[-1], '^([a-z]{2,18}|xn--[a-z0-9-]+)$') AS has_top,
    if(length(labels) > 2 AND length(labels[-1]) = 2 AND labels[-2] IN ('com', 'net', 'org', 'gov', 'edu', 'ac', 'co', 'mil', 'ne', 'or', 'go'), 3, 2) AS depth,
    -- A name that ends in no possible top level domain is counted under its first label.
    if(has_top, arrayStringConcat(arraySlice(labels, -depth), '.'), labels[1]) AS domain,
    arrayStringConcat(if(has_top, arraySlice(labels, 1, length(labels) - depth), arraySlice(labels, 2)), '.') AS below,
    extra['dns.type'] AS part,
    if(mapContains(extra, 'dns.resolved_ip'), extra['dns.resolved_ip'], extra['dns.answers.data']) AS data
  FROM watchfire.events
  WHERE timestamp >= fromUnixTimestamp64Milli({from: Int64}, 'UTC') AND timestamp < fromUnixTimestamp64Milli({to: Int64}, 'UTC')
    AND event_dataset IN ('dns', 'zeek.dns', 'suricata.dns') AND dns_question_name != '' AND source_ip != toIPv6('::')
    AND below != '' AND labels[-1] != 'arpa'
)
SELECT
  unit_path,
  any(source_key) AS source_key,
  concat(replaceOne(toString(source_ip), '::ffff:', ''), '|', domain) AS group_key,
  toUnixTimestamp64Milli(max(timestamp)) AS time_ms,
  groupArrayIf(16)(event_id, part != '"answer"') AS event_ids,
  replaceOne(toString(source_ip), '::ffff:', '') AS `source.ip`,
  domain AS `dns.question.name`,
  countIf(part != '"answer"') AS queries,
  uniqExactIf(below, part != '"answer"') AS unique_names,
  sumIf(length(replaceAll(below, '.', '')), part != '"answer"') AS letters,
  groupUniqArrayIf(300)(below, part != '"answer"') AS names_below,
  countIf(part != '"answer"' AND (type IN ('NULL', 'TXT', 'CNAME', 'MX', 'SRV', 'KEY', 'DNSKEY', 'PRIVATE', 'TYPE65399') OR type LIKE 'TYPE6553_')) AS carrying_types,
  countIf(part != '"query"' AND match(data, '^\\[?"127\\.')) AS list_answers,
  countIf(part != '"query"') AS answers,
  toUnixTimestamp64Milli(max(timestamp)) - toUnixTimestamp64Milli(min(timestamp)) AS span_ms
FROM asked
GROUP BY unit_path, source_ip, domain
HAVING queries >= 30 AND unique_names >= 20
ORDER BY time_ms, group_key
LIMIT 1000
