"""The grammar of IMAP: bytes into commands, answers into bytes. Pure: no I/O, no state but the parser's buffer.

``commands`` has one value per command, ``parser`` cuts a byte stream into them, ``responses`` and ``codes`` print
answers, ``names`` converts mailbox names (modified UTF-7 or UTF-8).
"""
