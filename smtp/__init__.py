"""SMTP, submission and LMTP: the doors mail comes in by."""
