"""What one SMTP or LMTP connection says and does: the table of states, and one file per group of commands."""
