rule script_fetches_program {
  meta:
    severity = "high"
    description = "Script that fetches a file, writes it and starts it"
    description_zh = "下载文件写盘并启动的脚本"
    misses = "scripts whose names are put together at run time"
    technique = "T1105"
  strings:
    $fetch1 = "MSXML2.XMLHTTP" nocase
    $fetch2 = "WinHttp.WinHttpRequest" nocase
    $fetch3 = "Microsoft.XMLHTTP" nocase
    $write1 = "ADODB.Stream" nocase
    $write2 = "SaveToFile" nocase
    $run1 = "WScript.Shell" nocase
    $run2 = "ShellExecute" nocase
    $run3 = /\.Run\b/ nocase
  condition:
    filesize < 2MB and any of ($fetch*) and all of ($write*) and any of ($run*)
}
