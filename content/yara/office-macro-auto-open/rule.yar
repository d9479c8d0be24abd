rule office_macro_auto_open {
  meta:
    severity = "high"
    description = "Office document with a macro that runs when it is opened and reaches out of Office"
    description_zh = "打开即自动运行并调用外部程序的 Office 宏文档"
    misses = "macros inside zipped documents (docm, xlsm), and names that the compression of macros breaks up"
    technique = "T1204.002"
  strings:
    $project = "_VBA_PROJECT" wide ascii
    $attribute = /Attribut[\x00-\xff]{0,2}e ?VB/
    $open1 = "AutoOpen" nocase
    $open2 = "Auto_Open" nocase
    $open3 = "Document_Open" nocase
    $open4 = "Workbook_Open" nocase
    $open5 = "AutoExec" nocase
    $out1 = "WScript.Shell" nocase
    $out2 = "URLDownloadToFile" nocase
    $out3 = "powershell" nocase
    $out4 = "MSXML2.XMLHTTP" nocase
    $out5 = "ShellExecute" nocase
    $out6 = "CreateObject" nocase
  condition:
    uint32(0) == 0xe011cfd0 and ($project or $attribute) and any of ($open*) and any of ($out*)
}
