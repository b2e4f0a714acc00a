"""The grammar of POP3 (RFC 1939, 2449, 5034, 6856): lines into commands, answers into bytes. Pure."""
