"""What an IMAP session is and does: states, commands, updates. Coroutines over the mailbox API, no I/O of its own."""
