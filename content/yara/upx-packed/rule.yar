rule upx_packed {
  meta:
    severity = "medium"
    description = "Program packed with UPX"
    description_zh = "使用 UPX 加壳的程序"
    misses = "programs whose UPX marks were changed"
    technique = "T1027.002"
  strings:
    $mark = "UPX!"
    $section0 = "UPX0"
    $section1 = "UPX1"
    $info = "$Info: This file is packed with the UPX executable packer"
  condition:
    (uint16(0) == 0x5a4d and $mark and $section0 and $section1) or (uint32(0) == 0x464c457f and $mark in (0..1024)) or (uint32(0) == 0x464c457f and $info)
}
