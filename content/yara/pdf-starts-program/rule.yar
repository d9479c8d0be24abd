rule pdf_starts_program {
  meta:
    severity = "medium"
    description = "PDF that runs a script or program when it is opened"
    description_zh = "打开时运行脚本或程序的 PDF"
    misses = "actions inside compressed object streams"
    technique = "T1204.002"
  strings:
    $open = /\/(OpenAction|AA)\b/
    $launch = /\/(Launch)\b/
    $script = /\/(JavaScript|JS)\b/
    $program = /\/(Win|F)\s*[(<]/
  condition:
    uint32(0) == 0x46445025 and $open and ($script or ($launch and $program))
}
