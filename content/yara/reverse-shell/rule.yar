rule reverse_shell {
  meta:
    severity = "high"
    description = "Script that gives a shell to another host"
    description_zh = "反弹 shell 脚本"
    misses = "binary programs"
    technique = "T1059.004"
  strings:
    $bash = /\/dev\/(tcp|udp)\/[\w.\-\$\{\}]+\/[\w\$\{\}]+/
    $interactive = /\b(ba|z|k)?sh\s+-i\b/
    $redirect = /(0<&\d|<&\d|>&\s*\/dev\/(tcp|udp)|exec\s+\d+<>)/
    $netcat = /\bnc(at)?\b[^\r\n]{0,40}\s-(e|c)\s*['"]?(\/bin\/)?(ba)?sh/
    $pipe = /mkfifo\s+\S+\s*[;&]+[^\r\n]{0,120}\|\s*nc(at)?\s/
    $socket = /socket\.socket\(/
    $duplicate = /os\.dup2\(\s*\w+\.fileno\(\)/
  condition:
    filesize < 1MB and (($bash and ($interactive or $redirect)) or $netcat or $pipe or ($socket and $duplicate))
}
