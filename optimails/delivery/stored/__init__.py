"""Scripts over messages that lie in mailboxes already: after IMAP commands (RFC 6785), or when somebody asks for it."""
