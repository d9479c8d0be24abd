CreateObject("WScript.Shell").Run "notepad"
