$cert = [Convert]::FromBase64String($env:CERT)
[IO.File]::WriteAllBytes("c.pfx", $cert)
