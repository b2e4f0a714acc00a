"""The grammar of SMTP and LMTP: bytes ⇄ values. Pure: no I/O, no state of a session, no settings."""
