rule aspx_web_shell {
  meta:
    severity = "critical"
    description = "ASP.NET page that runs what a request brings"
    description_zh = "ASP.NET 页面执行请求带来的内容（网页木马）"
    misses = "compiled pages and shells in web.config"
    technique = "T1505.003"
  strings:
    $page = /<%@?\s*(Page|WebHandler|WebService)?/ nocase
    $eval = /\beval\s*\(\s*Request(\.(Item|Form|QueryString|Headers|Cookies))?\s*[\[\(]/ nocase
    $start = /Process\s*\.\s*Start\s*\(|new\s+ProcessStartInfo\s*\(/ nocase
    $request = /Request(\.(Item|Form|QueryString|Headers|Cookies|Params))?\s*\[/ nocase
    $load = /Assembly\s*\.\s*Load\s*\(/
  condition:
    $page and filesize < 2MB and ($eval or ($request and ($start or $load)))
}
