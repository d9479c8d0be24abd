powershell.exe -File deploy.ps1 -ExecutionPolicy Bypass
