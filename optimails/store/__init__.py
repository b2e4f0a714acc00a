"""Message files: a Maildir++ tree per account. Files are the record."""
