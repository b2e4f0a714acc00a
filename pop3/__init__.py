"""POP3: wire (grammar), session (states and commands), server (Twisted)."""
