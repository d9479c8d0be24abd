rule miner_config {
  meta:
    severity = "high"
    description = "Configuration or script of a mining program"
    description_zh = "挖矿程序的配置或脚本"
    misses = "pools reached through a proxy of their own"
    technique = "T1496"
  strings:
    $pool = /stratum\+(tcp|ssl|tls):\/\/[\w.\-]{4,}:\d{2,5}/ nocase
    $pools = /"pools"\s*:\s*\[/
    $donate = /"donate-level"\s*:/
    $algorithm = /"(algo|coin)"\s*:\s*"(rx\/|cn|randomx|monero|kawpow|ghostrider)/
    $user = /(^|\s)-(u|o)\s+\S{4,}/
    $xmrig = "xmrig" nocase
  condition:
    filesize < 1MB and uint16(0) != 0x5a4d and uint32(0) != 0x464c457f and ((2 of ($pools, $donate, $algorithm)) or ($pool and ($user or $xmrig)))
}
