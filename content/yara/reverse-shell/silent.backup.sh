tar c . | nc backup 9000
