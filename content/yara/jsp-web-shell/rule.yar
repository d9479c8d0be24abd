rule jsp_web_shell {
  meta:
    severity = "critical"
    description = "JSP that runs what a request brings"
    description_zh = "JSP 文件执行请求带来的命令或类（网页木马）"
    misses = "shells that load their class from a session or a file"
    technique = "T1505.003"
  strings:
    $jsp = /<%[@!=]?/
    $parameter = /request\s*\.\s*get(Parameter|Header|InputStream|Reader|Cookies)\s*\(/
    $runtime = /Runtime\s*\.\s*getRuntime\s*\(\s*\)\s*\.\s*exec\s*\(/
    $builder = /new\s+ProcessBuilder\s*\(/
    $class = "defineClass"
    $cipher = "javax.crypto"
  condition:
    $jsp and filesize < 2MB and $parameter and ($runtime or $builder or ($class and $cipher))
}
