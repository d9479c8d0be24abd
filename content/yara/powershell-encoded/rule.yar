rule powershell_encoded {
  meta:
    severity = "high"
    description = "PowerShell that is encoded, or decodes and runs itself"
    description_zh = "经编码、解码后自行执行的 PowerShell"
    misses = "other encodings and encryption"
    technique = "T1059.001"
  strings:
    $encoded = /powershell(\.exe)?['"]?\s[^\r\n]{0,200}-e(nc|ncodedcommand|c)?\s+['"]?[A-Za-z0-9+\/]{40,}/ nocase
    $decode = "FromBase64String" nocase
    $unpack = /(IO\.Compression\.(GzipStream|DeflateStream)|GetString\()/ nocase
    $run = /(\bIEX\b|Invoke-Expression|\.Invoke\()/ nocase
  condition:
    filesize < 5MB and ($encoded or ($decode and $unpack and $run))
}
