timeout 1 bash -c "</dev/tcp/$HOST/$PORT" && echo open
