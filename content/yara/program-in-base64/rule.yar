rule program_in_base64 {
  meta:
    severity = "medium"
    description = "Text that holds a Windows program in base64"
    description_zh = "文本中以 base64 夹带 Windows 程序"
    misses = "other encodings"
    technique = "T1027"
  strings:
    $pe = "TVqQAAMAAAAEAAAA//8AALgAAAAAAAAAQAAAA"
    $pe2 = "TVpQAAIAAAAEAA8A//8AALgAAAAAAAAAQAA"
    $pe3 = "TVoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
  condition:
    uint16(0) != 0x5a4d and any of them
}
