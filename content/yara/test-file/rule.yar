rule watchfire_test_file {
  meta:
    severity = "low"
    description = "The harmless file by which a sensor is tested"
    description_zh = "用于检验探针的无害测试文件"
    misses = "everything else"
  strings:
    $marker = "WATCHFIRE-HARMLESS-TEST-FILE-7f1c0b52-2a6d-4e58-9d0e-31c4f7a9be66"
  condition:
    $marker at 0
}
