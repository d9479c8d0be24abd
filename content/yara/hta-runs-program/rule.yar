rule hta_runs_program {
  meta:
    severity = "high"
    description = "HTML application or script that starts programs"
    description_zh = "启动程序的 HTA 或脚本文件"
    misses = "scripts whose names are put together at run time"
    technique = "T1218.005"
  strings:
    $hta = /<hta:application/ nocase
    $script = /<script[^>]{0,100}(vbscript|jscript|javascript)?/ nocase
    $shell = /(WScript\.Shell|Shell\.Application)/ nocase
    $object = /(ActiveXObject|CreateObject)\s*\(/ nocase
    $run = /\.\s*(Run|Exec|ShellExecute)\b/ nocase
  condition:
    filesize < 2MB and ($hta or $script) and $shell and $object and $run
}
