"""IMAP4rev1 and IMAP4rev2, our own engine: wire (grammar), session (states and commands), server (Twisted)."""
