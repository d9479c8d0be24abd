rule lnk_runs_script {
  meta:
    severity = "high"
    description = "Shortcut that starts a command interpreter with a script"
    description_zh = "快捷方式启动命令解释器执行脚本"
    misses = "shortcuts to a program beside them"
    technique = "T1204.002"
  strings:
    $shell1 = "powershell" nocase wide ascii
    $shell2 = "cmd.exe" nocase wide ascii
    $shell3 = "mshta" nocase wide ascii
    $shell4 = "wscript" nocase wide ascii
    $shell5 = "rundll32" nocase wide ascii
    $what1 = "http:" nocase wide ascii
    $what2 = "https:" nocase wide ascii
    $what3 = "-enc" nocase wide ascii
    $what4 = "-w hidden" nocase wide ascii
    $what5 = "DownloadString" nocase wide ascii
    $what6 = "IEX" wide ascii
    $what7 = "javascript:" nocase wide ascii
    $what8 = "certutil" nocase wide ascii
  condition:
    uint32(0) == 0x0000004c and uint32(4) == 0x00021401 and any of ($shell*) and any of ($what*)
}
