-- Two sign-ins of one account in a row: how fast must the person have travelled? Where the operator's file names a place
-- (source.geo.location), from place to place; else from the middle of one country to that of the other, less 2,500 km, since people
-- live at borders. Middles of countries in degrees, rounded.
WITH
  ['CN', 'HK', 'MO', 'TW', 'JP', 'KR', 'KP', 'MN', 'VN', 'LA', 'KH', 'TH', 'MM', 'MY', 'SG', 'ID', 'PH', 'BN', 'TL', 'IN', 'PK', 'BD', 'NP', 'LK', 'BT',
    'MV', 'AF', 'IR', 'IQ', 'SA', 'AE', 'QA', 'KW', 'BH', 'OM', 'YE', 'IL', 'PS', 'JO', 'LB', 'SY', 'TR', 'CY', 'GE', 'AM', 'AZ', 'KZ', 'UZ', 'TM', 'KG',
    'TJ', 'RU', 'UA', 'BY', 'MD', 'PL', 'DE', 'FR', 'GB', 'IE', 'NL', 'BE', 'LU', 'CH', 'AT', 'IT', 'ES', 'PT', 'DK', 'NO', 'SE', 'FI', 'IS', 'EE', 'LV',
    'LT', 'CZ', 'SK', 'HU', 'RO', 'BG', 'GR', 'RS', 'HR', 'SI', 'BA', 'MK', 'AL', 'ME', 'MT', 'US', 'CA', 'MX', 'GT', 'CU', 'PA', 'CR', 'DO', 'JM', 'CO',
    'VE', 'EC', 'PE', 'BO', 'BR', 'PY', 'UY', 'AR', 'CL', 'EG', 'LY', 'TN', 'DZ', 'MA', 'SD', 'ET', 'KE', 'TZ', 'UG', 'RW', 'NG', 'GH', 'CI', 'SN', 'CM',
    'CD', 'AO', 'ZM', 'ZW', 'MZ', 'ZA', 'NA', 'MG', 'MU', 'SC', 'AU', 'NZ', 'PG', 'FJ'] AS codes,
  [35.9, 22.3, 22.2, 23.7, 36.2, 35.9, 40.3, 46.9, 14.1, 19.9, 12.6, 15.9, 21.9, 4.2, 1.4, -2.5, 12.9, 4.5, -8.9, 22.0, 30.4, 23.7, 28.4, 7.9, 27.5, 3.2,
    33.9, 32.4, 33.2, 23.9, 23.4, 25.4, 29.3, 26.0, 21.5, 15.6, 31.0, 31.9, 30.6, 33.9, 34.8, 39.0, 35.1, 42.3, 40.1, 40.1, 48.0, 41.4, 39.0, 41.2, 38.9,
    61.5, 48.4, 53.7, 47.4, 51.9, 51.2, 46.2, 55.4, 53.4, 52.1, 50.5, 49.8, 46.8, 47.5, 41.9, 40.5, 39.4, 56.3, 60.5, 60.1, 61.9, 65.0, 58.6, 56.9, 55.2,
    49.8, 48.7, 47.2, 45.9, 42.7, 39.1, 44.0, 45.1, 46.2, 43.9, 41.6, 41.2, 42.7, 35.9, 39.8, 56.1, 23.6, 15.8, 21.5, 8.5, 9.7, 18.7, 18.1, 4.6, 6.4, -1.8,
    -9.2, -16.3, -14.2, -23.4, -32.5, -38.4, -35.7, 26.8, 26.3, 33.9, 28.0, 31.8, 12.9, 9.1, -0.02, -6.4, 1.4, -1.9, 9.1, 7.9, 7.5, 14.5, 7.4, -4.0, -11.2,
    -13.1, -19.0, -18.7, -30.6, -23.0, -18.8, -20.3, -4.7, -25.3, -40.9, -6.3, -17.7] AS latitudes,
  [104.2, 114.2, 113.5, 121.0, 138.3, 127.8, 127.5, 103.8, 108.3, 102.5, 105.0, 101.0, 96.0, 102.0, 103.8, 118.0, 121.8, 114.7, 125.7, 79.0, 69.3, 90.4,
    84.1, 80.8, 90.4, 73.2, 67.7, 53.7, 43.7, 45.1, 53.8, 51.2, 47.5, 50.6, 55.9, 48.5, 34.9, 35.2, 36.2, 35.9, 39.0, 35.2, 33.4, 43.4, 45.0, 47.6, 66.9,
    64.6, 59.6, 74.8, 71.3, 105.3, 31.2, 28.0, 28.4, 19.1, 10.5, 2.2, -3.4, -8.2, 5.3, 4.5, 6.1, 8.2, 14.6, 12.6, -3.7, -8.2, 9.5, 8.5, 18.6, 25.7, -19.0,
    25.0, 24.6, 23.9, 15.5, 19.7, 19.5, 25.0, 25.5, 21.8, 21.0, 15.2, 15.0, 17.7, 21.7, 20.2, 19.4, 14.4, -98.6, -106.3, -102.6, -90.2, -77.8, -80.8,
    -83.8, -70.2, -77.3, -74.3, -66.6, -78.2, -75.0, -63.6, -51.9, -58.4, -55.8, -63.6, -71.5, 30.8, 17.2, 9.5, 1.7, -7.1, 30.2, 40.5, 37.9, 34.9, 32.3,
    29.9, 8.7, -1.0, -5.5, -14.5, 12.4, 21.8, 17.9, 27.8, 29.2, 35.5, 22.9, 18.5, 47.0, 57.6, 55.5, 133.8, 174.9, 143.9, 178.1] AS longitudes,
logins AS (
  SELECT unit_path, user_name, source_geo_country_iso_code AS country, timestamp, event_id, source_key, source_ip, host_name,
    splitByChar(',', JSONExtractString(extra['source.geo.location'])) AS place,
    length(place) = 2 AS exact,
    if(exact, toFloat64OrZero(place[1]), latitudes[indexOf(codes, country)]) AS latitude,
    if(exact, toFloat64OrZero(place[2]), longitudes[indexOf(codes, country)]) AS longitude
  FROM watchfire.events
  WHERE timestamp >= fromUnixTimestamp64Milli({since: Int64}, 'UTC') AND timestamp < fromUnixTimestamp64Milli({to: Int64}, 'UTC')
    AND has(event_category, 'authentication') AND event_outcome = 'success' AND user_name != ''
    AND (exact OR has(codes, country))
),
pairs AS (
  SELECT *,
    lagInFrame(event_id) OVER before AS before_id,
    lagInFrame(timestamp) OVER before AS before_at,
    lagInFrame(source_ip) OVER before AS before_ip,
    lagInFrame(country) OVER before AS before_country,
    lagInFrame(exact) OVER before AS before_exact,
    greatCircleDistance(longitude, latitude, lagInFrame(longitude) OVER before, lagInFrame(latitude) OVER before) / 1000 AS kilometres
  FROM logins
  WINDOW before AS (PARTITION BY unit_path, user_name ORDER BY timestamp, event_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
),
travels AS (
  SELECT *,
    kilometres - if(exact AND before_exact, 100, 2500) AS least,
    greatest(dateDiff('second', before_at, timestamp), 60) / 3600 AS hours
  FROM pairs
  WHERE before_id != '' AND timestamp >= fromUnixTimestamp64Milli({from: Int64}, 'UTC') AND source_ip != before_ip
    AND (country != before_country OR (exact AND before_exact))
)
SELECT
  unit_path,
  argMin(source_key, timestamp) AS source_key,
  user_name AS group_key,
  toUnixTimestamp64Milli(min(timestamp)) AS time_ms,
  arraySlice(arrayDistinct(arrayFlatten(arrayMap(one -> [one.2, one.3], arraySort(groupArray(50)((timestamp, before_id, event_id)))))), 1, 50) AS event_ids,
  user_name AS `user.name`,
  replaceOne(toString(argMin(source_ip, timestamp)), '::ffff:', '') AS `source.ip`,
  argMin(country, timestamp) AS `source.geo.country_iso_code`,
  argMin(host_name, timestamp) AS `host.name`,
  replaceOne(toString(argMin(before_ip, timestamp)), '::ffff:', '') AS `watchfire.previous_address`,
  argMin(before_country, timestamp) AS `watchfire.previous_country`,
  round(argMin(kilometres, timestamp)) AS `watchfire.distance_kilometres`,
  round(argMin(hours * 60, timestamp)) AS `watchfire.minutes_between`
FROM travels
WHERE least / hours > 900
GROUP BY unit_path, user_name
ORDER BY time_ms, group_key
LIMIT 1000
