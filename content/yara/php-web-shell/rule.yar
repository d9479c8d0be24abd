rule php_web_shell {
  meta:
    severity = "critical"
    description = "PHP that runs what a request brings"
    description_zh = "PHP 文件直接执行请求带来的内容（网页木马）"
    misses = "code whose function names are put together at run time, or that is encoded"
    technique = "T1505.003"
  strings:
    $php = /<\?(php|=)/ nocase
    $run = /\b(eval|assert|system|exec|shell_exec|passthru|popen|proc_open|pcntl_exec|create_function)\s*\(\s*(@|stripslashes\s*\(|base64_decode\s*\(|gzinflate\s*\(|str_rot13\s*\(|urldecode\s*\(|\s){0,4}\$_(POST|GET|REQUEST|COOKIE|SERVER)\b/ nocase
    $call = /\$_(POST|GET|REQUEST|COOKIE)\s*\[[^\]]{1,40}\]\s*\(\s*\$_(POST|GET|REQUEST|COOKIE)/ nocase
  condition:
    $php and filesize < 2MB and ($run or $call)
}
